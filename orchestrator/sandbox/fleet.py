"""The containers of one sandbox that exist now: each opened under a lease, and kept in sight until removed.

What cannot be removed because the platform is away is ended directly, kept in mind, and removed later.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from orchestrator.errors import SandboxError
from orchestrator.sandbox import leases
from orchestrator.sandbox.attempts import persist
from orchestrator.sandbox.base import Observer
from orchestrator.sandbox.container import Container
from orchestrator.sandbox.leases import Lease
from orchestrator.sandbox.observed import faulted
from orchestrator.sandbox.settings import Order

T = TypeVar("T")


class Fleet:
    """Opens, lends and removes containers; safe to use from several threads."""

    def __init__(
        self,
        *,
        start: Callable[[Order], Container],
        recover: Callable[[Callable[[], bool]], None],
        startup_seconds: float,
        walls: Sequence[str],
    ) -> None:
        """`recover` waits until the platform may do better, or its argument says that it is to stop.

        `walls` are the parts of the second wall without which no container is used.
        """
        self._start = start
        self._recover = recover
        self._startup_seconds = startup_seconds
        self._walls = tuple(walls)
        self._lock = threading.Lock()
        self._live: dict[Container, Lease] = {}
        self._stuck: set[Container] = set()  # ended, but still known to a platform that was away
        self.stopped = threading.Event()

    def persist(
        self,
        attempt: Callable[[], T],
        purpose: str,
        program: str,
        observe: Observer,
        *,
        left: Callable[[], bool] = lambda: False,
    ) -> T:
        """Try again what the platform fails, on the record; not once `stop` was called or nobody waits (`left`).

        Raises:
            SandboxError: as `attempts.persist` does.
        """

        def stopped() -> bool:
            return left() or self.stopped.is_set()

        def recover() -> None:
            self._recover(stopped)
            if not stopped():
                with contextlib.suppress(SandboxError):  # one that stays stuck is no fault of this program's attempt
                    self.remove_stuck()

        def report(number: int, error: SandboxError) -> None:
            observe("sandbox.faulted", faulted(purpose, program, number, error))

        return persist(attempt, recover=recover, report=report, stopped=stopped)

    def open(self, order: Order, lease: Lease) -> Container:
        """Start a container, write its lease (the id is filled in), and wait until it is ready.

        Raises:
            SandboxError: the platform failed, or `stop` was called.
        """
        self._require_open()
        container = self._start(order)
        lease = replace(lease, container=container.id)
        with self._lock:
            self._live[container] = lease
        try:
            leases.write(lease)
            self._require_open()
            container.wait_ready(self._startup_seconds, walls=self._walls if order.walls else ())
        except BaseException:
            self.remove(container)
            raise
        return container

    def lend(self, container: Container, program: str, seconds: float) -> None:
        """Write down, before it is handed over, what program a container gets and until when.

        Raises:
            SandboxError: the cache cannot be written, or the platform failed.
        """
        with self._lock:
            lease = replace(self._live[container], program=program, deadline=leases.utc(time.time() + seconds))
            self._live[container] = lease
        leases.write(lease)

    def remove(self, container: Container) -> None:
        """Remove a container and its lease.

        Raises:
            SandboxError: the platform failed; nothing runs in the container, and `remove_stuck` tries again.
        """
        with self._lock:
            self._live.pop(container, None)
        try:
            container.remove()
        except SandboxError:
            with self._lock:
                self._stuck.add(container)
            raise
        leases.drop(container.id)

    def remove_stuck(self) -> None:
        """Remove what could not be removed before.

        Raises:
            SandboxError: what the last one that still cannot be removed said; all were tried.
        """
        with self._lock:
            stuck, self._stuck = self._stuck, set()
        failed = None
        for container in stuck:
            try:
                self.remove(container)
            except SandboxError as error:
                failed = error
        if failed is not None:
            raise failed

    def stop(self) -> None:
        """End every container now, and open no more."""
        self.stopped.set()
        with self._lock:
            live = tuple(self._live)
        for container in live:
            with contextlib.suppress(SandboxError):  # a platform that is gone: those that wait on it find out
                container.interrupt()

    def _require_open(self) -> None:
        if self.stopped.is_set():
            raise SandboxError("the sandbox is closed")
