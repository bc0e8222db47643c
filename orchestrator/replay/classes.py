"""The eight answers that a replay can give, from the best to the worst, with what continuous integration makes of each.

Pure. Which answer a program gets is `judge.py`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class ReplayClass(StrEnum):
    """What a replay shows of one program, or of a run (its worst program's class). In order: best first."""

    IDENTICAL = "IDENTICAL"  # every byte is equal; of a rejected program: same stage, same reason
    EQUIVALENT = "EQUIVALENT"  # every tensor is equal, their order in the output is another
    WITHIN_TOLERANCE = "WITHIN_TOLERANCE"  # other class of environment, recorded bound kept, same answers
    INCONCLUSIVE = "INCONCLUSIVE"  # a timeout, too little memory, a platform's fault, or nothing to compare with
    INPUT_UNAVAILABLE = "INPUT_UNAVAILABLE"  # a model or a source is gone, or no longer what it was
    ENV_MISMATCH = "ENV_MISMATCH"  # image, sandbox, device or policy of the record are not here
    DIVERGED = "DIVERGED"  # same class of environment and another bit; or the bound is exceeded
    LOG_INVALID = "LOG_INVALID"  # the record or a blob is damaged; nothing was run


EXIT_CODES: Mapping[ReplayClass, int] = {
    ReplayClass.IDENTICAL: 0,
    ReplayClass.EQUIVALENT: 0,
    ReplayClass.WITHIN_TOLERANCE: 0,
    ReplayClass.DIVERGED: 1,
    ReplayClass.LOG_INVALID: 4,
    ReplayClass.ENV_MISMATCH: 5,
    ReplayClass.INPUT_UNAVAILABLE: 6,
    ReplayClass.INCONCLUSIVE: 7,
}
"""2 is usage, 3 a fault of the platform before anything was compared, 130 an interrupt."""

VERDICTS: Mapping[ReplayClass, str] = {
    ReplayClass.IDENTICAL: "pass",
    ReplayClass.EQUIVALENT: "pass",
    ReplayClass.WITHIN_TOLERANCE: "pass",
    ReplayClass.DIVERGED: "fail",
    ReplayClass.LOG_INVALID: "error",
    ReplayClass.ENV_MISMATCH: "neutral",
    ReplayClass.INPUT_UNAVAILABLE: "neutral",
    ReplayClass.INCONCLUSIVE: "neutral",
}

_ORDER = tuple(ReplayClass)


def worst(classes: Iterable[ReplayClass]) -> ReplayClass:
    """Return the worst of some classes; of none, INCONCLUSIVE: nothing was shown."""
    return max(classes, key=_ORDER.index, default=ReplayClass.INCONCLUSIVE)
