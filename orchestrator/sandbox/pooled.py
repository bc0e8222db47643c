"""What every sandbox of ours does with its containers, whatever makes them.

A container is used once: made without a program, ready with torch imported, handed one job, ended,
measured, removed; in that order, whatever happens. A subclass starts containers (`docker.py`); `fleet.py`
keeps them in sight; whose fault something was is `failure.py`'s business.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from orchestrator.candidate import OwnedOutput
from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.base import Observer, RunResult, ScreenResult
from orchestrator.sandbox.cells import CellRow
from orchestrator.sandbox.container import INNER_FILTER, LANDLOCK, Container
from orchestrator.sandbox.conversation import converse, facts_of
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.failure import finished, judge, platform_fault
from orchestrator.sandbox.fleet import Fleet
from orchestrator.sandbox.inputs import readable_inputs
from orchestrator.sandbox.inspection import inspect
from orchestrator.sandbox.leases import Lease
from orchestrator.sandbox.observed import Ended, created, decimal, exited, receipt_of, recorded_limits, started
from orchestrator.sandbox.output import FILE_PREFIX, create_output, discard_output
from orchestrator.sandbox.owner import (
    LABEL_LIFETIME,
    clear_work,
    register_work,
    this_process,
)
from orchestrator.sandbox.pool import Pool
from orchestrator.sandbox.protections import Seen
from orchestrator.sandbox.settings import Order, lifetime_seconds, seccomp_digest
from orchestrator.sandbox.users import new_uid
from sandbox_image.protocol import RunJob, ScreenJob, TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A container that waits for a program, and the file it may write."""

    container: Container
    output: OwnedOutput


class PooledSandbox(ABC):
    """A `Sandbox` but for its containers; see `base.Sandbox` for what it promises."""

    kind: ClassVar[str]  # as the configuration names it

    def __init__(
        self,
        config: RunConfig,
        *,
        image_id: str,
        mounts: Sequence[tuple[Path, str]],
        run_id: str,
        work_dir: Path,
        walls: bool = True,
    ) -> None:
        """`walls` False leaves out what a container's own process puts up around a program: to test the outer wall."""
        self._config = config
        self._image_id = image_id
        self._mounts = tuple(mounts)
        self._run_id = run_id
        self.work_dir = work_dir.absolute()
        self._walls = walls
        self.instance = uuid.uuid4().hex
        self._owner = this_process().encode()
        self._pools: dict[tuple[TensorSpec, ...], Pool[_Prepared]] = {}
        self._lock = threading.Lock()
        self._fleet = Fleet(
            start=self._start,
            recover=self._recover,
            startup_seconds=config.container.startup_seconds,
            walls=(INNER_FILTER, *({LANDLOCK} & set(config.require))),
        )
        self._expected = 0
        self._opened = False
        self._note: Path | None = None  # in the cache: whose work folder this is

    # -- what a platform adds --------------------------------------------------------------------

    @abstractmethod
    def _require(self) -> None:
        """Refuse a platform that cannot do what is about to be asked of it, and remove what dead runs left on it.

        Raises:
            PreflightError: what is missing, and the remedy.
            SandboxError: the platform failed.
        """

    @abstractmethod
    def _connect(self) -> None:
        """Get hold of what `_start` needs."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Let go of it, after everything else. Safe to repeat, also where `_connect` was never reached."""

    @abstractmethod
    def _start(self, order: Order) -> Container:
        """Start a container that has exactly the settings of `order`, or none."""

    def _recover(self, stopped: Callable[[], bool]) -> None:  # noqa: B027  (a subclass may know what to wait for)
        """Wait until another attempt has a chance, or it is `stopped`.

        Raises:
            SandboxError: it does not recover.
        """

    @property
    def _address(self) -> str:
        """Where containers are that outlive this process; empty where none do."""
        return ""

    @abstractmethod
    def _remove_all(self) -> None:
        """Remove what an interrupt may have cut off between start and being known."""

    @abstractmethod
    def _output_owner(self, uid: int) -> int | None:
        """Return who must own an output file on the host for a container that runs as `uid`; None: anyone may."""

    @property
    @abstractmethod
    def _runtime(self) -> str:
        """What makes containers, by name."""

    @property
    def _remapped(self) -> bool:
        """Whether containers' users are others on the host."""
        return False

    @property
    def _engine(self) -> EngineFacts | None:
        """The engine, where one makes the containers."""
        return None

    @abstractmethod
    def _platform(self) -> Mapping[str, Any]:
        """What `describe` says of the platform. JSON, no floats."""

    # -- life ------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Check the platform, remove what dead runs left, make the inputs readable, and connect.

        Raises:
            PreflightError: the platform is not what was asked for.
            SandboxError: it failed, or an input cannot be copied.
        """
        self._require()
        self.work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note = register_work(self.instance, self._run_id, self.work_dir, self._image_id)
        try:
            self._mounts = readable_inputs(self._mounts, self.work_dir)
            self._connect()
        except BaseException:
            self._clear()
            raise
        self._opened = True
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove every container and output file that this object made, known or not.

        What a platform that is away still knows of them keeps its lease, and is removed by the next start.
        """
        try:
            with contextlib.ExitStack() as steps:  # from the last to the first, each whatever became of the others
                steps.callback(self._disconnect)
                steps.callback(self._clear)
                steps.callback(self._remove_all)
                steps.callback(self._fleet.remove_stuck)
                for pool in self._pools.values():
                    steps.callback(pool.close)
                steps.callback(self.stop)
        except SandboxError:
            if not any(isinstance(value, SandboxError) for value in exc):
                raise  # else that is what this follows from, and it says more

    def _clear(self) -> None:
        """Remove this object's files, then the note that would have them removed by others."""
        clear_work(self.work_dir)
        if self._note is not None:
            self._note.unlink(missing_ok=True)

    def stop(self) -> None:
        """End every container now; other threads' calls raise `SandboxError`."""
        self._fleet.stop()

    def describe(self) -> Mapping[str, Any]:
        """Return what programs run in and under which limits. JSON, no floats."""
        return {
            "sandbox": self.kind,
            "image_id": self._image_id,
            "runtime": self._runtime,
            **self._platform(),
            "seccomp_sha256": seccomp_digest(),
            "walls": self._walls,
            "user": "own uid per container"
            if is_root() or self._remapped
            else f"uid {os.geteuid()}, the orchestrator's own (it is not root)",
            "limits": recorded_limits(self._config),
        }

    # -- full runs -------------------------------------------------------------------------------

    def expect(self, count: int) -> None:
        """Announce `count` more calls of `run`."""
        with self._lock:
            self._expected += count

    def look(self, tensors: tuple[TensorSpec, ...]) -> Seen:
        """Look at a container that is ready for a program; it stays so. See `base.Sandbox.look`."""
        pool = self._pool(tensors)
        prepared = pool.take()
        try:
            seen = self._seen(prepared)
        except BaseException:
            self._drop(prepared)
            raise
        pool.give_back(prepared)
        return seen

    def _seen(self, prepared: _Prepared) -> Seen:
        return inspect(
            prepared.container,
            self._config,
            engine=self._engine,
            image_id=self._image_id,
            runtime=self._runtime,
            file_bytes=prepared.output.size,
            own_uid=is_root() or self._remapped,
        )

    def run(self, job: RunJob, observe: Observer, *, timeout_seconds: float | None = None) -> RunResult:
        """Run one program in a container of its own; see `base.Sandbox.run`."""
        seconds = timeout_seconds or self._config.container.timeout_seconds
        return self._fleet.persist(lambda: self._run_once(job, observe, seconds), "run", job.program_digest, observe)

    def _run_once(self, job: RunJob, observe: Observer, seconds: float) -> RunResult:
        prepared = self._pool(job.tensors).take()
        container, keep = prepared.container, False
        try:
            ended = self._use(container, job, observe, seconds)
            facts = facts_of(container, ended, seconds)
            if self._fleet.stopped.is_set():
                raise SandboxError("the run was stopped")
            if fault := platform_fault(facts):
                raise SandboxError(fault, remedy=container.streams.stderr.text[-500:])
            verdict = judge(facts)
            keep = verdict is None
            return RunResult(
                receipt=receipt_of(container, ended, self._image_id),
                fault=verdict,
                output=prepared.output if keep else None,
                finished=finished(facts),
            )
        finally:
            if not keep:
                discard_output(prepared.output)

    def _use(self, container: Container, job: RunJob, observe: Observer, seconds: float) -> Ended:
        """Record, hand over, follow, end, remove, record."""
        ended = None
        try:
            self._fleet.lend(container, job.program_digest, seconds)
            self._observe_start(container, "run", job.program_digest, observe)
            ended = converse(container, job, seconds)
        finally:
            try:
                self._fleet.remove(container)
            finally:
                if ended is None:
                    observe("sandbox.exited", exited(container, "run", job.program_digest, None))
        observe("sandbox.exited", exited(container, "run", job.program_digest, ended))
        return ended

    def _pool(self, tensors: tuple[TensorSpec, ...]) -> Pool[_Prepared]:
        """Return the pool of containers whose output has this layout; a run has one."""
        with self._lock:
            if tensors not in self._pools:
                self._pools[tensors] = Pool(
                    make=lambda: self._prepare(tensors),
                    drop=self._drop,
                    size=self._config.container.parallel,
                    usable=lambda prepared: prepared.container.waits(),
                )
            pool = self._pools[tensors]
            pool.expect(self._expected)
            self._expected = 0
            return pool

    def _prepare(self, tensors: tuple[TensorSpec, ...]) -> _Prepared:
        """Make an output file and a container around it that is ready for a program."""
        uid = new_uid(root=is_root(), remapped=self._remapped)
        path = self.work_dir / f"{FILE_PREFIX}{uuid.uuid4().hex}"
        output = create_output(path, tensors, owner=self._output_owner(uid))
        try:
            container = self._open("runner", uid, inputs=self._mounts, output=output)
            return _Prepared(container=container, output=output)
        except BaseException:
            discard_output(output)
            raise

    def _drop(self, prepared: _Prepared) -> None:
        try:
            self._fleet.remove(prepared.container)
        finally:
            discard_output(prepared.output)

    # -- screening -------------------------------------------------------------------------------

    def screen(self, jobs: Sequence[ScreenJob], observe: Observer) -> Iterator[ScreenResult]:
        """Try programs on probe tensors in cells; see `base.Sandbox.screen`."""

        def open_cell() -> Container:
            container = self._open("cell", new_uid(root=is_root(), remapped=self._remapped), inputs=(), output=None)
            try:
                self._observe_start(container, "screen", "", observe)
            except BaseException:
                self._fleet.remove(container)
                raise
            return container

        def close_cell(container: Container) -> None:
            closed = None
            try:
                lived = time.monotonic() - container.created_at - container.startup_seconds
                closed = Ended(exit=container.kill(), timed_out=False, flooded=False, leftover=0, wall_seconds=lived)
            finally:
                try:
                    self._fleet.remove(container)
                finally:
                    observe("sandbox.exited", exited(container, "screen", "", closed))

        row = CellRow(
            open_cell=open_cell,
            close_cell=close_cell,
            persist=lambda job, attempt, left: self._fleet.persist(
                attempt, "screen", job.program_digest, observe, left=left
            ),
            programs_per_cell=self._config.screen.programs_per_cell,
            parallel=self._config.container.parallel,
        )
        return row.screen(jobs)

    # -- containers ------------------------------------------------------------------------------

    def _open(
        self, module: str, uid: int, *, inputs: Sequence[tuple[Path, str]], output: OwnedOutput | None
    ) -> Container:
        """Start a container and wait until it is ready."""
        if not self._opened:
            raise SandboxError("the sandbox is closed")
        lease = Lease(
            engine=self._address,
            run=self._run_id,
            instance=self.instance,
            owner=self._owner,
            purpose="run" if output else "screen",
            work_dir=str(self.work_dir),
            output=str(output.path) if output else "",
        )
        order = Order(
            module=module,
            image_id=self._image_id,
            uid=uid,
            inputs=inputs,
            output=output.path if output else None,
            file_bytes=output.size if output else 0,
            walls=self._walls,
            labels={**lease.labels, LABEL_LIFETIME: decimal(lifetime_seconds(self._config, module))},
        )
        return self._fleet.open(order, lease)

    def _observe_start(self, container: Container, purpose: str, program: str, observe: Observer) -> None:
        data = created(container, purpose, program, sandbox=self.kind, image_id=self._image_id, runtime=self._runtime)
        observe("sandbox.created", data)
        observe("sandbox.started", started(container, purpose, program))


def is_root() -> bool:
    """Whether we may give files away, and run others under uids of our choice."""
    return os.geteuid() == 0
