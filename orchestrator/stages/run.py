"""Screened -> Ran | Rejection: one program, on the models' real weights, in a container of its own.

`Ran` says that the container ended well. Its output is a claim, not evidence: `verify` decides.
"""

from __future__ import annotations

from orchestrator.candidate import Ran, Rejection, Screened, Stage, Unchecked
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Observer, Sandbox
from orchestrator.sandbox.output import discard_output
from sandbox_image.protocol import RunJob


def run_program(
    program: Screened | Unchecked,
    *,
    sandbox: Sandbox,
    inputs: MergeInputs,
    seed: int,
    device: str,
    profile: str,
    observe: Observer,
    timeout_seconds: float | None = None,
) -> Ran | Rejection:
    """Run one program. An `Unchecked` one runs as plain Python, held by the container alone.

    `timeout_seconds` is the sandbox's own, unless it is given.

    Raises:
        SandboxError: the platform failed; nothing is known of the program.
    """
    proposed = program.proposed
    job = RunJob(
        source=proposed.source,
        program_digest=proposed.digest,
        guarded=isinstance(program, Screened),
        profile=profile,
        seed=seed,
        device=device,
        seed_files=inputs.seed.container_paths,
        candidate_files=tuple((model.name, model.container_paths) for model in inputs.candidates),
        tensors=inputs.tensors,
        num_layers=inputs.num_layers,
    )
    result = sandbox.run(job, observe, timeout_seconds=timeout_seconds)
    if result.fault is None and result.output is not None:
        return Ran(program=program, receipt=result.receipt, output=result.output, finished=result.finished)
    if result.fault is None:
        raise AssertionError("a run without a fault has an output")
    return Rejection(
        proposed=proposed,
        stage=Stage.RUN,
        reason=result.fault.reason,
        detail=result.fault.detail,
        receipt=result.receipt,
    )


def discard(ran: Ran) -> None:
    """Remove the output of a program that nobody will verify. Once, and not after `verify_output`."""
    discard_output(ran.output)
