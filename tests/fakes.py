"""In-memory stand-ins for tests of the stage logic. Every real part also has tests that use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.candidate import OwnedOutput, Reason, Receipt
from orchestrator.errors import SandboxError
from orchestrator.sandbox.base import Fault, Observer, RunResult, ScreenResult
from orchestrator.sandbox.protections import Seen
from sandbox_image.protocol import RunJob, ScreenJob, TensorSpec

RECEIPT = Receipt(
    container_id="c0ffee",
    image_id="sha256:0",
    exit_code=0,
    oom_killed=False,
    timed_out=False,
    wall_seconds=0.1,
    startup_seconds=0.1,
    peak_memory_bytes=1,
    stdout="",
    stderr="",
    truncated=False,
)


class FakeSandbox:
    """Answers from a table: program source -> fault reason; everything else passes.

    A source in `broken` fails as the platform does. A program that passes `run` gets the output that `make`
    returns.
    """

    def __init__(
        self,
        *,
        screen: Mapping[str, Reason] | None = None,
        run: Mapping[str, Reason] | None = None,
        broken: Sequence[str] = (),
        make: Callable[[RunJob], OwnedOutput] | None = None,
    ) -> None:
        self._screen = screen or {}
        self._run = run or {}
        self._broken = broken
        self.make = make
        self.stopped = False
        self.expected = 0

    def __enter__(self) -> FakeSandbox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopped = True

    def describe(self) -> Mapping[str, Any]:
        return {"image_id": "sha256:0"}

    def expect(self, count: int) -> None:
        self.expected += count

    def look(self, tensors: tuple[TensorSpec, ...]) -> Seen:
        raise NotImplementedError

    def run(self, job: RunJob, observe: Observer, *, timeout_seconds: float | None = None) -> RunResult:
        same = {"container_id": RECEIPT.container_id, "purpose": "run", "program_sha256": job.program_digest}
        observe("sandbox.created", same)
        observe("sandbox.started", same)
        observe("sandbox.exited", {**same, "exit_code": 0, "oom_killed": False, "timed_out": False})
        if job.source in self._broken:
            raise SandboxError("the engine went away")
        if reason := self._run.get(job.source):
            return RunResult(
                receipt=RECEIPT, fault=Fault(reason=reason, detail="as asked"), output=None, finished=False
            )
        assert self.make is not None
        return RunResult(receipt=RECEIPT, fault=None, output=self.make(job), finished=True)

    def screen(self, jobs: Sequence[ScreenJob], observe: Observer) -> Iterator[ScreenResult]:
        for job in jobs:
            reason = self._screen.get(job.source)
            fault = Fault(reason=reason, detail="as asked") if reason else None
            yield ScreenResult(id=job.id, fingerprint="" if fault else job.program_digest, fault=fault)

    def stop(self) -> None:
        self.stopped = True
