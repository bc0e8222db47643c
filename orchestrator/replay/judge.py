"""One program: what is on record beside what came out, and the class that follows. Runs nothing.

Of a verified program, in this order:
  1. every tensor's digest is the record's, in the record's order, and so is the output's   -> IDENTICAL
  2. every tensor's digest is the record's, their order is another                          -> EQUIVALENT
  3. something differs in the same class of environment                                     -> DIVERGED
  4. in another class: the bound that the record declares is exceeded                       -> DIVERGED
  5. in another class: within the bound, and the same answers to the same items             -> WITHIN_TOLERANCE
  6. in another class, and no weights or no bound on record to compare with                 -> INCONCLUSIVE
Of a rejected one: the same stage and reason are IDENTICAL, others DIVERGED. Where a timeout, memory or a killed
process stands on one side alone, it is INCONCLUSIVE: a busy machine shows the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.candidate import Admitted, Reason, Rejection, Screened, Stage, Verified
from orchestrator.replay.classes import ReplayClass
from orchestrator.replay.compare import Divergence, differing, digests_only, measured
from orchestrator.replay.original import Original, Recorded, tensors_of, weights_of

Found = Admitted | Screened | Verified | Rejection
Decisions = Callable[[Recorded, Verified], str]
"""Says in which items a replayed model answers otherwise than the record; empty where in none."""

_OF_THE_MOMENT = frozenset({Reason.TIMEOUT, Reason.OUT_OF_MEMORY, Reason.KILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A program's class, why in words, and how outputs differ where they do."""

    result: ReplayClass
    why: str = ""
    divergence: Divergence | None = None


def judge(
    program: Recorded, found: Found, *, original: Original, elsewhere: Sequence[str], decisions: Decisions
) -> Judged:
    """Return a program's class; `elsewhere` names the facts in which the class of environment differs.

    Raises:
        ReplayError: something of the record that is needed for it is gone or altered.
    """
    if program.verified is not None and isinstance(found, Verified):
        return _outputs(program, program.verified.data, found, original, elsewhere, decisions)
    if isinstance(found, Screened) and program.duplicate_of:
        return _duplicate(program, found, original)
    if isinstance(found, Rejection) and _reason(program) == (found.stage.value, found.reason.value):
        return Judged(result=ReplayClass.IDENTICAL)
    return _otherwise(program, found)


def named(found: Found) -> str:
    """Say what became of a replayed program, in the words of `Recorded.outcome`."""
    match found:
        case Verified():
            return "verified"
        case Rejection():
            return f"rejected at {found.stage.value}: {found.reason.value}"
        case Screened():
            return "passed the screen"
        case _:
            return "admitted by the policy"


def _reason(program: Recorded) -> tuple[str, str] | None:
    data: Mapping[str, Any] | None = program.rejected.data if program.rejected else None
    return (data["stage"], data["reason"]) if data else None


def _otherwise(program: Recorded, found: Found) -> Judged:
    """Judge two outcomes that are not the same."""
    reasons = {found.reason.value} if isinstance(found, Rejection) else set()
    reasons |= {program.rejected.data["reason"]} if program.rejected else set()
    why = f"expected {program.outcome}, found {named(found)}"
    if isinstance(found, Rejection):
        why += f" ({found.detail[:300]})"
    if moments := sorted(reasons & {reason.value for reason in _OF_THE_MOMENT}):
        return Judged(
            result=ReplayClass.INCONCLUSIVE, why=f"{why}; {', '.join(moments)} may be the moment's: replay it again"
        )
    return Judged(result=ReplayClass.DIVERGED, why=why)


def _duplicate(program: Recorded, found: Screened, original: Original) -> Judged:
    """Compare with the fingerprint on record of the program whose duplicate it is said to be."""
    first = original.programs.get(program.duplicate_of)
    if first is None or not first.fingerprint:
        return Judged(
            result=ReplayClass.INCONCLUSIVE,
            why=f"no fingerprint of {program.duplicate_of} is on record to compare with",
        )
    if found.fingerprint == first.fingerprint:
        return Judged(result=ReplayClass.IDENTICAL)
    return Judged(result=ReplayClass.DIVERGED, why=f"no longer computes what {program.duplicate_of} computes")


def _outputs(
    program: Recorded,
    recorded: Mapping[str, Any],
    found: Verified,
    original: Original,
    elsewhere: Sequence[str],
    decisions: Decisions,
) -> Judged:
    record = tensors_of(original, program)
    if names := differing(record, found.tensor_sha256):
        divergence = _measure(names, program, found, original, record)
        if not elsewhere:
            return Judged(result=ReplayClass.DIVERGED, why="other bits in the same environment", divergence=divergence)
        return _tolerated(program, recorded, found, divergence, decisions)
    if tuple(record) != found.tensor_sha256:
        return Judged(result=ReplayClass.EQUIVALENT, why="the tensors lie in another order")
    if recorded["output_sha256"] != found.output_sha256:
        return Judged(
            result=ReplayClass.DIVERGED,
            why="the record contradicts itself: its output_sha256 is not that of its own tensors, which are equal",
        )
    return Judged(result=ReplayClass.IDENTICAL)


def _measure(
    names: Sequence[str],
    program: Recorded,
    found: Verified,
    original: Original,
    record: Sequence[tuple[str, str]],
) -> Divergence:
    kept = weights_of(original, program)
    if kept is None or {name for name, _ in record} != {spec.name for spec in found.tensors}:
        return digests_only(names, len(found.tensors))
    return measured(names, kept, [name for name, _ in record], found.weights, found.tensors)


def _tolerated(
    program: Recorded, recorded: Mapping[str, Any], found: Verified, divergence: Divergence, decisions: Decisions
) -> Judged:
    """Judge other bits from another class of environment."""
    bounds: Mapping[str, int] = recorded.get("tolerance", {})
    if divergence.digests_only or not bounds:
        lacks = "its weights were not kept, so that only digests can be compared"
        return Judged(
            result=ReplayClass.INCONCLUSIVE,
            why=lacks if divergence.digests_only else "the record declares no bound",
            divergence=divergence,
        )
    for dtype, value in (divergence.largest_ulp or {}).items():
        if value > bounds.get(dtype, 0):
            allowed = f"the record allows {bounds.get(dtype, 0)}"
            why = f"{dtype} differs by {value:.4g} ulp of a tensor's largest element, {allowed}"
            return Judged(result=ReplayClass.DIVERGED, why=why, divergence=divergence)
    if why := decisions(program, found):
        return Judged(result=ReplayClass.DIVERGED, why=why, divergence=divergence)
    return Judged(
        result=ReplayClass.WITHIN_TOLERANCE,
        why="other bits in another environment, within bounds",
        divergence=divergence,
    )


def last_stage(program: Recorded) -> Stage:
    """Return the stage up to which a program is taken again: no further than it came, and to verify at most."""
    if program.rejected is not None and program.rejected.data["stage"] in (Stage.CHECK, Stage.SCREEN):
        return Stage(program.rejected.data["stage"])
    return Stage.VERIFY
