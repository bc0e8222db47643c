"""What every sandbox promises. `pooled.py` is what ours share, `docker.py` the one on a container engine.

A sandbox runs programs; it does not decide. Its `Receipt` holds what the host saw; whether the output
is any good is `stages/verify.py`'s question. A program's fault comes back as a `Rejection`'s reason;
the platform's fault is raised as `SandboxError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.candidate import OwnedOutput, Reason, Receipt
from orchestrator.sandbox.protections import Seen
from sandbox_image.protocol import RunJob, ScreenJob, TensorSpec

Observer = Callable[[str, Mapping[str, Any]], None]
"""Called with (event type, data) *before* the next step: `sandbox.created`, `sandbox.started`, `sandbox.exited`.

`data` is JSON with no floats. The pipeline writes it to the ledger before it returns.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A program's fault, as the host judged it; `detail` may quote the container and is capped and escaped."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished container: what the host saw, and either the program's fault or its output, still unread.

    Whoever takes the output discards it (`output.discard_output`), once.
    """

    receipt: Receipt
    fault: Fault | None
    output: OwnedOutput | None  # None with a fault
    finished: bool  # the runner said that every tensor was merged, for what that is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenResult:
    """One program's trial in a cell: a fingerprint, or a fault."""

    id: str
    fingerprint: str
    fault: Fault | None


class Sandbox(Protocol):
    """Runs programs in containers. Use as a context manager: leaving it removes all that it made."""

    def __enter__(self) -> Sandbox: ...

    def __exit__(self, *exc: object) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        """Image ID, runtime, engine version, limits: for the record. JSON, no floats."""
        ...

    def expect(self, count: int) -> None:
        """Announce that `run` will be called `count` times more, so that containers can be made ahead."""
        ...

    def look(self, tensors: tuple[TensorSpec, ...]) -> Seen:
        """Start a container as `run` does for an output of this layout, and say what is seen of it.

        The container is kept for the next `run` of that layout.

        Raises:
            SandboxError: as below.
        """
        ...

    def run(self, job: RunJob, observe: Observer, *, timeout_seconds: float | None = None) -> RunResult:
        """Run one program in a fresh container. Thread-safe. Always removes the container.

        `timeout_seconds` is the configuration's, unless it is given.

        Raises:
            SandboxError: the engine, the image or the container's start failed: not the program's fault.
        """
        ...

    def screen(self, jobs: Sequence[ScreenJob], observe: Observer) -> Iterator[ScreenResult]:
        """Try programs on probe tensors, in cells; one result per job, in order, as they come.

        Raises:
            SandboxError: as above.
        """
        ...

    def stop(self) -> None:
        """End every container now; calls of `run` and `screen` in other threads raise `SandboxError`."""
        ...
