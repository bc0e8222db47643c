"""Keeps containers ready ahead of need: created, started, torch imported. Each is used once.

How many are made ahead follows from what the caller has announced (`expect`), so that a single program
does not pay for containers that nobody will use.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from orchestrator.errors import SandboxError

T = TypeVar("T")


class Pool(Generic[T]):
    """Makes things ahead with `make`, hands each out once, and drops with `drop` what was never taken."""

    def __init__(
        self, *, make: Callable[[], T], drop: Callable[[T], None], size: int, usable: Callable[[T], bool] | None = None
    ) -> None:
        """`usable` says whether one that was made ahead can still be handed out; without it, all can."""
        self._make = make
        self._drop = drop
        self._usable = usable or (lambda _: True)
        self._size = size
        self._lock = threading.Lock()
        self._expected = 0
        self._ahead: deque[Future[T]] = deque()
        self._closed = False
        self._makers = ThreadPoolExecutor(max_workers=size, thread_name_prefix="warm")

    def expect(self, count: int) -> None:
        """Announce that `take` will be called `count` times more."""
        with self._lock:
            self._expected += count

    def take(self) -> T:
        """Return one that is ready, or make one now; start on the next.

        Of those ahead, what could not be made or is of no use any more is passed over: that was then.

        Raises:
            SandboxError: it could not be made, or the pool is closed.
        """
        with self._lock:
            self._expected = max(0, self._expected - 1)
        future = self._next(refill=True)
        while future is not None:
            with contextlib.suppress(SandboxError):
                thing = future.result()
                if self._usable(thing):
                    return thing
                self._drop(thing)
            future = self._next(refill=False)
        return self._make()

    def _next(self, *, refill: bool) -> Future[T] | None:
        """Return the next one ahead, if there is any, and start on as many as are still to come."""
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            future = self._ahead.popleft() if self._ahead else None
            while refill and len(self._ahead) < min(self._size, self._expected):
                self._ahead.append(self._makers.submit(self._make))
            return future

    def give_back(self, thing: T) -> None:
        """Take back one that was not used after all; it is the next to be handed out."""
        ready: Future[T] = Future()
        ready.set_result(thing)
        with self._lock:
            if not self._closed:
                self._ahead.appendleft(ready)
                return
        self._drop(thing)

    def close(self) -> None:
        """Drop what is ready and wait for what is being made. Safe to repeat.

        Raises:
            SandboxError: what the last one that could not be dropped said; all were tried.
        """
        with self._lock:
            self._closed = True
            ahead, self._ahead = self._ahead, deque()
        for future in ahead:
            future.cancel()
        self._makers.shutdown(wait=True, cancel_futures=True)
        failed = None
        for future in ahead:
            if not future.cancelled() and future.exception() is None:
                try:
                    self._drop(future.result())
                except SandboxError as error:
                    failed = error
        if failed is not None:
            raise failed
