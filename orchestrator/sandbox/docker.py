"""Runs programs in containers of a Docker engine. The only `Sandbox` today.

A container is used once: made without a program, ready with torch imported, handed one job, ended,
measured, removed; in that order, whatever happens. What the settings are is `settings.py`'s business,
whose fault something was is `failure.py`'s.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.candidate import OwnedOutput
from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError, SandboxError
from orchestrator.sandbox.base import Observer, RunResult, ScreenResult
from orchestrator.sandbox.cells import CellRow
from orchestrator.sandbox.container import Container, Event, engine_errors
from orchestrator.sandbox.engine import Client, connect, engine_facts
from orchestrator.sandbox.failure import Facts, finished, judge, platform_fault
from orchestrator.sandbox.inputs import readable_inputs
from orchestrator.sandbox.observed import Ended, created, decimal, exited, receipt_of, started
from orchestrator.sandbox.output import FILE_PREFIX, create_output, discard_output
from orchestrator.sandbox.owner import (
    LABEL_INSTANCE,
    LABEL_OWNER,
    LABEL_PURPOSE,
    LABEL_RUN,
    LABEL_WORK,
    clear_work,
    reap,
    register_work,
    remove_container,
    this_process,
)
from orchestrator.sandbox.pool import Pool
from orchestrator.sandbox.settings import Order, require_engine, runtime_of, seccomp_digest
from sandbox_image.protocol import RunJob, ScreenJob, TensorSpec, encode_frame

ATTEMPTS = 3  # for one program, when the platform fails it
_FIRST_UID, _UIDS = 1_000_000_000, 1_000_000_000  # far above any account; one per container
_OWN_PROCESSES = 2  # init and the runner


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A container that waits for a program, and the file it may write."""

    container: Container
    output: OwnedOutput


class DockerSandbox:
    """A `Sandbox` on a Docker engine; see `base.Sandbox` for what it promises."""

    def __init__(
        self,
        config: RunConfig,
        *,
        image_id: str,
        mounts: Sequence[tuple[Path, str]],
        run_id: str,
        work_dir: Path,
    ) -> None:
        self._config = config
        self._image_id = image_id
        self._mounts = tuple(mounts)
        self._run_id = run_id
        self.work_dir = work_dir.absolute()
        self.instance = uuid.uuid4().hex
        self._owner = this_process().encode()
        self._facts = engine_facts(config.image.name)
        self._client: Client | None = None
        self._pools: dict[tuple[TensorSpec, ...], Pool[_Prepared]] = {}
        self._lock = threading.Lock()
        self._live: set[Container] = set()
        self._expected = 0
        self._stopped = False
        self._note: Path | None = None  # in the cache: whose work folder this is

    # -- life ------------------------------------------------------------------------------------

    def __enter__(self) -> DockerSandbox:
        """Check the engine, remove what dead runs left, make the inputs readable, and connect.

        Raises:
            PreflightError: the engine, runtime or device is not what was asked for.
            SandboxError: the engine failed, or an input cannot be copied.
        """
        if not self._facts.reachable:
            raise PreflightError(self._facts.error, remedy=self._facts.remedy)
        require_engine(self._config, self._facts)
        reap()
        self.work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._note = register_work(self.instance, self._run_id, self.work_dir)
        try:
            self._mounts = readable_inputs(self._mounts, self.work_dir)
            self._client = connect()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        """Remove every container and output file that this object made, known or not."""
        self.stop()
        try:
            for pool in self._pools.values():
                pool.close()
            self._remove_all()
        finally:
            self._clear()
            if self._client is not None:
                self._client.close()

    def _clear(self) -> None:
        """Remove this object's files, then the note that would have them removed by others."""
        clear_work(self.work_dir)
        if self._note is not None:
            self._note.unlink(missing_ok=True)

    def stop(self) -> None:
        """End every container now; other threads' calls raise `SandboxError`."""
        self._stopped = True
        with self._lock:
            live = tuple(self._live)
        for container in live:
            with contextlib.suppress(SandboxError):  # an engine that is gone: those that wait on it find out
                container.interrupt()

    def describe(self) -> Mapping[str, Any]:
        """Return what programs run in and under which limits. JSON, no floats."""
        limits = self._config.container
        return {
            "image_id": self._image_id,
            "runtime": runtime_of(self._config, self._facts),
            "engine_version": self._facts.version,
            "cgroup_version": self._facts.cgroup_version,
            "seccomp_sha256": seccomp_digest(),
            "apparmor": self._facts.apparmor,
            "user": "own uid per container"
            if _root()
            else f"uid {os.geteuid()}, the orchestrator's own (it is not root)",
            "limits": {
                "memory_mb": limits.memory_mb,
                "cpus": decimal(limits.cpus),
                "pids": limits.pids,
                "tmpfs_mb": limits.tmpfs_mb,
                "nofile": limits.nofile,
                "timeout_seconds": decimal(limits.timeout_seconds),
            },
        }

    # -- full runs -------------------------------------------------------------------------------

    def expect(self, count: int) -> None:
        """Announce `count` more calls of `run`."""
        with self._lock:
            self._expected += count

    def run(self, job: RunJob, observe: Observer) -> RunResult:
        """Run one program in a container of its own; see `base.Sandbox.run`."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._run_once(job, observe)
            except SandboxError:
                if attempt == ATTEMPTS or self._stopped:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _run_once(self, job: RunJob, observe: Observer) -> RunResult:
        prepared = self._pool(job.tensors).take()
        container, keep = prepared.container, False
        try:
            ended = self._use(container, job, observe)
            facts = self._facts_of(container, ended)
            if self._stopped:
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

    def _use(self, container: Container, job: RunJob, observe: Observer) -> Ended:
        """Record, hand over, follow, end, remove, record."""
        ended = None
        try:
            self._observe_start(container, "run", job.program_digest, observe)
            ended = self._converse(container, job)
        finally:
            try:
                self._remove(container)
            finally:
                if ended is None:
                    observe("sandbox.exited", exited(container, "run", job.program_digest, None))
        observe("sandbox.exited", exited(container, "run", job.program_digest, ended))
        return ended

    def _converse(self, container: Container, job: RunJob) -> Ended:
        """Hand the program over and stay with it until it is dead."""
        handed_over = time.monotonic()
        deadline = handed_over + self._config.container.timeout_seconds
        container.send(encode_frame(job), deadline)
        event = container.follow(deadline, lambda streams: len(streams.messages) > 2)
        leftover = max(0, container.measure().processes - _OWN_PROCESSES) if event is Event.MET else 0
        container.close_stdin()
        if event is Event.MET:
            event = container.follow(deadline, lambda _: False)
        ended = container.wait_dead(deadline) if event is Event.ENDED else None
        timed_out = ended is None and event not in (Event.FLOODED, Event.STARVED)
        if ended is None:
            ended = container.kill()
        return Ended(
            exit=ended,
            timed_out=timed_out,
            flooded=event is Event.FLOODED,
            leftover=leftover,
            wall_seconds=time.monotonic() - handed_over,
        )

    def _facts_of(self, container: Container, ended: Ended) -> Facts:
        return Facts(
            exit_code=ended.exit.exit_code,
            timed_out=ended.timed_out,
            oom_killed=ended.exit.oom_killed,
            flooded=ended.flooded,
            leftover_processes=ended.leftover,
            messages=tuple(container.streams.messages),
            malformed=container.streams.malformed,
            timeout_seconds=self._config.container.timeout_seconds,
        )

    def _pool(self, tensors: tuple[TensorSpec, ...]) -> Pool[_Prepared]:
        """Return the pool of containers whose output has this layout; a run has one."""
        with self._lock:
            if tensors not in self._pools:
                self._pools[tensors] = Pool(
                    make=lambda: self._prepare(tensors), drop=self._drop, size=self._config.container.parallel
                )
            pool = self._pools[tensors]
            pool.expect(self._expected)
            self._expected = 0
            return pool

    def _prepare(self, tensors: tuple[TensorSpec, ...]) -> _Prepared:
        """Make an output file and a container around it that is ready for a program."""
        uid = _new_uid()
        remapped = any(option.startswith(("name=userns", "name=rootless")) for option in self._facts.security_options)
        path = self.work_dir / f"{FILE_PREFIX}{uuid.uuid4().hex}"
        output = create_output(path, tensors, owner=None if remapped else uid)
        try:
            container = self._open("runner", uid, inputs=self._mounts, output=output)
            return _Prepared(container=container, output=output)
        except BaseException:
            discard_output(output)
            raise

    def _drop(self, prepared: _Prepared) -> None:
        try:
            self._remove(prepared.container)
        finally:
            discard_output(prepared.output)

    # -- screening -------------------------------------------------------------------------------

    def screen(self, jobs: Sequence[ScreenJob], observe: Observer) -> Iterator[ScreenResult]:
        """Try programs on probe tensors in cells; see `base.Sandbox.screen`."""

        def open_cell() -> Container:
            container = self._open("cell", _new_uid(), inputs=(), output=None)
            try:
                self._observe_start(container, "screen", "", observe)
            except BaseException:
                self._remove(container)
                raise
            return container

        def close_cell(container: Container) -> None:
            try:
                ended = container.kill()
            finally:
                self._remove(container)
            lived = time.monotonic() - container.created_at - container.startup_seconds
            closed = Ended(exit=ended, timed_out=False, flooded=False, leftover=0, wall_seconds=lived)
            observe("sandbox.exited", exited(container, "screen", "", closed))

        row = CellRow(
            open_cell=open_cell,
            close_cell=close_cell,
            programs_per_cell=self._config.screen.programs_per_cell,
            parallel=self._config.container.parallel,
        )
        return row.screen(jobs)

    # -- containers ------------------------------------------------------------------------------

    def _open(
        self, module: str, uid: int, *, inputs: Sequence[tuple[Path, str]], output: OwnedOutput | None
    ) -> Container:
        """Start a container and wait until it is ready."""
        if self._stopped or self._client is None:
            raise SandboxError("the sandbox is closed")
        order = Order(
            module=module,
            image_id=self._image_id,
            uid=uid,
            inputs=inputs,
            output=output.path if output else None,
            file_bytes=output.size if output else 0,
            labels={
                LABEL_OWNER: self._owner,
                LABEL_RUN: self._run_id,
                LABEL_INSTANCE: self.instance,
                LABEL_PURPOSE: "run" if output else "screen",
                LABEL_WORK: str(self.work_dir),
            },
        )
        container = Container.start(self._client, order, self._config, self._facts)
        with self._lock:
            self._live.add(container)
        try:
            if self._stopped:
                raise SandboxError("the sandbox is closed")
            container.wait_ready(self._config.container.startup_seconds)
        except BaseException:
            self._remove(container)
            raise
        return container

    def _remove(self, container: Container) -> None:
        with self._lock:
            self._live.discard(container)
        container.remove()

    def _remove_all(self) -> None:
        """Remove by label what an interrupt may have cut off between create and being known."""
        if self._client is None:
            return
        with engine_errors("leftover containers cannot be removed"):
            label = {"label": [f"{LABEL_INSTANCE}={self.instance}"]}
            for found in self._client.api.containers(all=True, filters=label):
                remove_container(self._client, str(found["Id"]))

    def _observe_start(self, container: Container, purpose: str, program: str, observe: Observer) -> None:
        runtime = runtime_of(self._config, self._facts)
        observe("sandbox.created", created(container, purpose, program, image_id=self._image_id, runtime=runtime))
        observe("sandbox.started", started(container, purpose, program))


def _root() -> bool:
    return os.geteuid() == 0


def _new_uid() -> int:
    """Return a uid that no other container has (our own where we may not give files away)."""
    return _FIRST_UID + secrets.randbelow(_UIDS) if _root() else os.geteuid()
