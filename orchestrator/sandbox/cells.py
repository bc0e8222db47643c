"""Hands programs to cells one by one and judges by the host's clock which of them to blame.

A cell's own word is enough to turn a program away. A cell that is late, dies or talks out of turn is
replaced; the program at hand is blamed only if a fresh cell fares no better (or for the time it took), and
never for a cell that the platform was seen to end: it is tried again then, as `attempts.py` says.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread

from orchestrator.candidate import Reason
from orchestrator.errors import SandboxError
from orchestrator.sandbox.base import Fault, ScreenResult
from orchestrator.sandbox.container import Container, Event
from orchestrator.sandbox.failure import CELL_CLAIMABLE, claimed_fault
from sandbox_image.protocol import Message, ScreenJob, encode_frame

GRACE_SECONDS = 2.0  # for the cell to notice a timeout and say so itself
JOBS_PER_CELL = 8  # fewer programs than this are not worth another cell's start
_ATTEMPTS = 2
_DEATH_SECONDS = 2.0  # for a cell that closed its streams to be dead as well
_TOO_LARGE = Fault(reason=Reason.OUT_OF_MEMORY, detail="went over the cell's memory limit")
_ANOMALIES = frozenset({Reason.TIMEOUT, Reason.KILLED, Reason.OUT_OF_MEMORY, Reason.PROTOCOL})


@dataclass(slots=True)
class _GuiltyError(Exception):
    """The host's clock ran out, or the kernel stepped in: whose fault it is needs no second look."""

    fault: Fault


@dataclass(slots=True)
class _BrokenError(Exception):
    """The cell died or talked out of turn."""

    fault: Fault


Persist = Callable[[ScreenJob, Callable[[], ScreenResult], Callable[[], bool]], ScreenResult]
"""Calls an attempt until it returns, and reports; not once the last argument says that nobody waits."""


class CellRow:
    """Cells side by side, each fed from one queue; results come out in the order of the jobs."""

    def __init__(
        self,
        *,
        open_cell: Callable[[], Container],
        close_cell: Callable[[Container], None],
        persist: Persist,
        programs_per_cell: int,
        parallel: int,
    ) -> None:
        self._open = open_cell
        self._close = close_cell
        self._persist = persist
        self._programs_per_cell = programs_per_cell
        self._parallel = parallel

    def screen(self, jobs: Sequence[ScreenJob]) -> Iterator[ScreenResult]:
        """Yield one result per job, in order. What a cell's thread raises is raised here.

        Leaving the iteration early ends all cells.
        """
        todo: SimpleQueue[tuple[int, ScreenJob]] = SimpleQueue()
        done: SimpleQueue[tuple[int, ScreenResult | BaseException]] = SimpleQueue()
        for pair in enumerate(jobs):
            todo.put(pair)
        count = min(self._parallel, -(-len(jobs) // JOBS_PER_CELL))
        cells = [_Cell(self._open, self._close, self._programs_per_cell) for _ in range(count)]
        shared = (self._persist, todo, done)
        workers = [Thread(target=_work, args=(cell, *shared), name="cell", daemon=True) for cell in cells]
        for worker in workers:
            worker.start()
        try:
            yield from _in_order(done, len(jobs))
        finally:
            _empty(todo)
            for cell in cells:
                cell.abandon()
            for worker in workers:
                worker.join()


def _work(
    cell: _Cell,
    persist: Persist,
    todo: SimpleQueue[tuple[int, ScreenJob]],
    done: SimpleQueue[tuple[int, ScreenResult | BaseException]],
) -> None:
    """Serve the queue until it is empty; whatever goes wrong is handed to the caller's thread."""
    index = -1
    try:
        with cell:
            while True:
                index, job = todo.get_nowait()
                done.put((index, persist(job, functools.partial(cell.screen, job), cell.abandoned)))
    except Empty:
        return
    except BaseException as error:  # noqa: BLE001  (raised again where the results are read)
        _empty(todo)
        done.put((index, error))


class _Cell:
    """One cell after another, as one."""

    def __init__(self, open_cell: Callable[[], Container], close_cell: Callable[[Container], None], limit: int) -> None:
        self._open = open_cell
        self._close = close_cell
        self._limit = limit
        self._container: Container | None = None
        self._served = 0
        self._abandoned = Flag()

    def __enter__(self) -> _Cell:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(SandboxError):  # all its programs have their verdicts; it is kept in mind
            self._replace()

    def abandoned(self) -> bool:
        """Whether nobody waits for results any more."""
        return self._abandoned.is_set()

    def abandon(self) -> None:
        """Nobody waits for results any more: end what runs. Called from another thread."""
        self._abandoned.set()
        if (container := self._container) is not None:
            with contextlib.suppress(SandboxError):
                container.interrupt()

    def screen(self, job: ScreenJob) -> ScreenResult:
        """Try one program; replace the cell after any anomaly and after its share of programs.

        Raises:
            SandboxError: the platform failed; the cell is gone.
        """
        try:
            return self._screen(job)
        except SandboxError:
            with contextlib.suppress(SandboxError):  # what could not be ended or removed now is kept in mind
                self._replace()
            raise

    def _screen(self, job: ScreenJob) -> ScreenResult:
        fault: Fault | None = None
        for _ in range(_ATTEMPTS):
            try:
                container = self._container or self._fresh()
                message = self._ask(container, job)
            except _GuiltyError as guilty:
                self._replace()
                return _result(job, guilty.fault)
            except _BrokenError as broken:
                self._replace()
                fault = broken.fault
                continue
            result = self._read(job, message)
            self._served += 1
            anomaly = result.fault is not None and result.fault.reason in _ANOMALIES
            if anomaly and self._short_of_memory(container):
                result = _result(job, _TOO_LARGE)
            if anomaly or self._served >= self._limit:
                self._replace()
            return result
        return _result(job, fault)

    def _fresh(self) -> Container:
        if self._abandoned.is_set():
            raise SandboxError("screening was stopped")
        self._container, self._served = self._open(), 0
        return self._container

    @staticmethod
    def _ask(container: Container, job: ScreenJob) -> Message:
        container.streams.take_messages()
        asked = time.monotonic()
        deadline = asked + job.timeout_seconds + GRACE_SECONDS
        try:
            container.send(encode_frame(job), deadline)
        except SandboxError as error:
            _Cell._require_own_death(container)
            raise _BrokenError(Fault(reason=Reason.KILLED, detail="its cell died, twice")) from error
        event = container.follow(deadline, lambda streams: bool(streams.messages))
        if event is Event.LATE:
            raise _GuiltyError(Fault(reason=Reason.TIMEOUT, detail=f"hung beyond {job.timeout_seconds:g} s"))
        if event is Event.STARVED:
            _Cell._short_of_memory(container)
            raise _GuiltyError(_TOO_LARGE)
        if event is Event.ENDED:
            _Cell._require_own_death(container)
            raise _BrokenError(Fault(reason=Reason.KILLED, detail="its cell died, twice"))
        messages = container.streams.take_messages()
        if event is Event.FLOODED or len(messages) != 1 or container.streams.malformed or not _of(messages[0], job):
            raise _BrokenError(Fault(reason=Reason.PROTOCOL, detail="its cell talked out of turn, twice"))
        if messages[0].reason == Reason.TIMEOUT.value and time.monotonic() - asked < job.timeout_seconds:
            raise _BrokenError(Fault(reason=Reason.PROTOCOL, detail="its cell spoke of a timeout too early, twice"))
        return messages[0]

    @staticmethod
    def _require_own_death(container: Container) -> None:
        """Raise if the platform was seen to end a cell; where it cannot say, that is a fault of its own."""
        if container.wait_dead(time.monotonic() + _DEATH_SECONDS) and (why := container.interference()):
            raise SandboxError(why)

    @staticmethod
    def _short_of_memory(container: Container) -> bool:
        """Whether the kernel killed a process of a cell, for the cell's own limit; raise if it was for another."""
        reading = container.measure()
        if reading.starved_by_others:
            raise SandboxError("the kernel killed a program for memory although its cell had not reached its own limit")
        return reading.oom_kills > 0

    @staticmethod
    def _read(job: ScreenJob, message: Message) -> ScreenResult:
        if message.kind == "screened" and len(message.fingerprint) == 64:
            return ScreenResult(id=job.id, fingerprint=message.fingerprint, fault=None)
        if message.kind != "failed":
            return _result(job, Fault(reason=Reason.PROTOCOL, detail=f"its cell sent {message.kind!r}"))
        return _result(job, claimed_fault(message, CELL_CLAIMABLE))

    def _replace(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            self._close(container)


def _of(message: Message, job: ScreenJob) -> bool:
    """Whether a message is about this program: a child names it, the cell itself knows no names."""
    return message.id == job.id or (message.id == "" and message.kind == "failed")


def _in_order(done: SimpleQueue[tuple[int, ScreenResult | BaseException]], count: int) -> Iterator[ScreenResult]:
    early: dict[int, ScreenResult] = {}
    for index in range(count):
        while index not in early:
            finished, result = done.get()
            if isinstance(result, BaseException):
                raise result
            early[finished] = result
        yield early.pop(index)


def _empty(queue: SimpleQueue[tuple[int, ScreenJob]]) -> None:
    try:
        while True:
            queue.get_nowait()
    except Empty:
        return


def _result(job: ScreenJob, fault: Fault | None) -> ScreenResult:
    return ScreenResult(id=job.id, fingerprint="", fault=fault)
