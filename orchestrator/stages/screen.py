"""Admitted -> Screened | Rejection: a cheap trial on small fixed tensors, in cells without any model.

Screening can only say no. What passes is runnable, well-shaped, repeatable and, as far as rounded
outputs tell, not the copy of an earlier program; nothing is known of how well it merges.
"""

from __future__ import annotations

from collections.abc import Generator, MutableMapping, Sequence
from contextlib import closing

from orchestrator.candidate import Admitted, Reason, Rejection, Screened, Stage
from orchestrator.sandbox.base import Observer, Sandbox, ScreenResult
from orchestrator.sandbox.recheck import screen_with_rechecks
from sandbox_image.protocol import ScreenJob


def screen_programs(
    programs: Sequence[Admitted],
    *,
    sandbox: Sandbox,
    names: tuple[str, ...],
    seed: int,
    profile: str,
    timeout_seconds: float,
    seen: MutableMapping[str, str] | None,
    observe: Observer,
    ranks: tuple[int, ...] = (1, 2),
    recheck: float = 0.0,
) -> Generator[Screened | Rejection, None, None]:
    """Yield one outcome per program, in order.

    `names` are the candidate models' names. `seen` maps fingerprints to the id of the first program that
    has it, and grows; None keeps duplicates. `ranks` are the numbers of dimensions of the tensors that
    will be merged: a fault on others does not count. `recheck` is the share that is tried twice.

    Raises:
        SandboxError: the platform failed, or a cell said of a program what no fresh cell says.
    """
    jobs = [
        ScreenJob(
            id=program.proposed.id,
            source=program.proposed.source,
            program_digest=program.proposed.digest,
            profile=profile,
            seed=seed,
            candidate_names=names,
            timeout_seconds=float(timeout_seconds),
            ranks=ranks,
        )
        for program in programs
    ]
    with closing(screen_with_rechecks(jobs, sandbox=sandbox, share=recheck, observe=observe)) as results:
        for program, result in zip(programs, results, strict=True):
            yield _outcome(program, result, seen)


def _outcome(program: Admitted, result: ScreenResult, seen: MutableMapping[str, str] | None) -> Screened | Rejection:
    if result.fault is not None:
        return _rejection(program, result.fault.reason, result.fault.detail)
    first = program.proposed.id if seen is None else seen.setdefault(result.fingerprint, program.proposed.id)
    if first != program.proposed.id:
        return _rejection(program, Reason.DUPLICATE, f"computes what {first} computes", duplicate_of=first)
    return Screened(admitted=program, fingerprint=result.fingerprint)


def _rejection(program: Admitted, reason: Reason, detail: str, duplicate_of: str = "") -> Rejection:
    return Rejection(
        proposed=program.proposed, stage=Stage.SCREEN, reason=reason, detail=detail, duplicate_of=duplicate_of
    )
