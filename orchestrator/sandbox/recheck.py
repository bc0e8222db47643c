"""Repeats a share of the screen's verdicts in fresh cells: a cell that was taken over is found out.

A cell serves many programs, so one that breaks out of its child could speak for those after it. The share is
drawn with a key that no cell is sent, and tried first, in cells that serve nobody else. A verdict of the
screen that differs is settled in further fresh cells, one each:

  they differ among themselves -> the program is to blame: it is not repeatable
  they all differ from the screen -> the cell is: nothing that it said can be believed, and the run stops

A program that ran out of time is no disagreement: the host's own clock measured it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from orchestrator.candidate import Reason
from orchestrator.errors import SandboxError
from orchestrator.sandbox.base import Fault, Observer, Sandbox, ScreenResult
from sandbox_image.protocol import ScreenJob

SETTLING_CELLS = 3
_DRAW_BYTES = 8
_KEY_BYTES = 32

Verdict = tuple[str, str]  # reason of a fault, or empty; fingerprint


@dataclass(slots=True)
class Rechecked:
    """What was repeated, for the record."""

    programs: list[str] = field(default_factory=list)
    disagreed: list[dict[str, str]] = field(default_factory=list)


def screen_with_rechecks(
    jobs: Sequence[ScreenJob], *, sandbox: Sandbox, share: float, observe: Observer, key: bytes | None = None
) -> Generator[ScreenResult, None, None]:
    """Yield one result per job, in order, as `sandbox.screen` does; a share of them is tried twice.

    `key` decides who is drawn; a fresh one by default.

    Raises:
        SandboxError: a cell said what no fresh cell says; or the platform failed.
    """
    key = key or secrets.token_bytes(_KEY_BYTES)
    drawn = [job for job in jobs if is_drawn(job, share, key)]
    firsts = {result.id: _verdict(result) for result in sandbox.screen(drawn, observe)} if drawn else {}
    done = Rechecked()
    try:
        for job, result in zip(jobs, sandbox.screen(jobs, observe), strict=True):
            fresh = firsts.get(job.id)
            if fresh is None:
                yield result
                continue
            done.programs.append(job.id)
            yield result if _agree(fresh, _verdict(result)) else _settled(job, result, fresh, sandbox, observe, done)
    finally:
        if done.programs:
            observe("screen.rechecked", {"programs": done.programs, "disagreed": done.disagreed})


def is_drawn(job: ScreenJob, share: float, key: bytes) -> bool:
    """Whether a program is among those tried twice."""
    digest = hashlib.blake2b(job.id.encode(), key=key, digest_size=_DRAW_BYTES).digest()
    draw = int.from_bytes(digest, "big")
    return draw < share * (1 << 8 * _DRAW_BYTES)


def _settled(
    job: ScreenJob, said: ScreenResult, fresh: Verdict, sandbox: Sandbox, observe: Observer, done: Rechecked
) -> ScreenResult:
    """Blame the program, or raise."""
    verdicts = [fresh, *(_verdict(*sandbox.screen([job], observe)) for _ in range(SETTLING_CELLS))]
    at_odds = any(not _agree(fresh, other) for other in verdicts)
    done.disagreed.append(
        {
            "program": job.id,
            "said": _show(_verdict(said)),
            "fresh": _show(fresh),
            "blamed": "program" if at_odds else "cell",
        }
    )
    if at_odds:
        detail = f"{len(verdicts)} fresh cells disagree on it: {', '.join(sorted(set(map(_show, verdicts))))}"
        return ScreenResult(id=job.id, fingerprint="", fault=Fault(reason=Reason.NONDETERMINISTIC, detail=detail))
    raise SandboxError(
        f"screening: a cell said {_show(_verdict(said))} of program {job.id}, and {len(verdicts)} fresh cells say "
        f"{_show(fresh)}: a program before it may have taken the cell over",
        remedy="believe no verdict of this screening; look at the programs before it (`screen.completed` in the "
        "ledger), and keep the record",
    )


def _verdict(result: ScreenResult) -> Verdict:
    return (result.fault.reason.value if result.fault else "", result.fingerprint)


def _agree(one: Verdict, other: Verdict) -> bool:
    return one == other or Reason.TIMEOUT.value in (one[0], other[0])


def _show(verdict: Verdict) -> str:
    reason, fingerprint = verdict
    return reason or f"fingerprint {fingerprint[:12]}"
