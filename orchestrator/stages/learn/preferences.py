"""Scored programs -> preference pairs. Pure: no torch, no files, no clock.

The paper's rule (arXiv 2410.15639, section 3): the best programs of an iteration are chosen, the worst
are rejected, and the best of each earlier iteration join the chosen. How they are paired is not in the
paper; here all are crossed and a fixed number is drawn. Two additions, both settings:

- A pair counts only if its margin exceeds the evaluation's own error (`min_margin_se`), taken from the
  per-item differences, since both programs answered the same items.
- A share of the pairs (`invalid_share`, paper: 0) has a rejected side that failed before it was scored.
  Its chosen side is one of the chosen, or, for every other pair, another of the better half.

Duplicates: programs that compute what an earlier one computes are rejected by the screen and are in no
pair, on either side, so that a factory that repeats itself gains nothing here. Scores and shares that a
report shows per iteration do count them, or not; it must say which. The platform's faults are exceptions
and cannot arrive here.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from orchestrator.candidate import Proposed, Reason, Rejection, Score, Scored, Screened, Stage
from orchestrator.config import Preferences
from orchestrator.errors import EngineError

RULE_SCORE = "score"  # both sides were scored
RULE_INVALID = "invalid"  # the rejected side failed check, screen or run

_FAULT_STAGES = frozenset({Stage.CHECK, Stage.SCREEN, Stage.RUN})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One preference: the factory should write `chosen` rather than `rejected`."""

    id: str  # "p2-017": second iteration's learning, pair 17
    iteration: int
    chosen: Proposed
    rejected: Proposed
    margin: float | None  # difference of dev accuracy; None where the rejected side has no score
    rule: str  # RULE_SCORE or RULE_INVALID


def preference_pairs(
    scored: Sequence[Scored],
    rejections: Sequence[Rejection],
    earlier: Sequence[Scored],
    *,
    rules: Preferences,
    rng_seed: int,
) -> tuple[Pair, ...]:
    """Return at most `rules.pairs` pairs; () if there are none to make.

    Each kind of pair has its quota; where one kind has too few, the other does not fill it up. No program,
    and no two programs that compute the same, stand on both sides.

    Args:
        scored: the iteration's scored programs.
        rejections: the iteration's rejected programs.
        earlier: all scored programs of earlier iterations; their items must be the same, in order.
        rules: how many of which.
        rng_seed: fixes the draw.

    Raises:
        EngineError: a program that was never screened, or scores on different items.
    """
    everyone = (*scored, *rejections, *earlier)
    if not everyone:
        return ()
    _require_comparable([*scored, *earlier])
    iteration = max(one.proposed.iteration for one in (scored or rejections or earlier))
    ranked = _distinct(sorted(scored, key=_rank))
    chosen = _chosen(ranked, earlier, rules)
    rejected = _rejected(ranked, chosen, rules)
    better = _better_half(ranked, chosen, rejected)
    invalid = _invalid(rejections, [*scored, *earlier])

    rng = random.Random(_seed(rng_seed, iteration))  # noqa: S311  (a repeatable draw, not a secret)
    quota = round(rules.invalid_share * rules.pairs)
    wide = [pair for pair in product(chosen, rejected) if _differ(*pair, least_se=rules.min_margin_se)]
    by_score = [(a.proposed, b.proposed, _margin(a, b)) for a, b in _draw(rng, wide, rules.pairs - quota)]
    failed = _draw_invalid(rng, chosen, better, invalid, quota)
    rows = [(*row, RULE_SCORE) for row in by_score] + [(a.proposed, b, None, RULE_INVALID) for a, b in failed]
    return tuple(
        Pair(id=f"p{iteration}-{index:03d}", iteration=iteration, chosen=a, rejected=b, margin=margin, rule=rule)
        for index, (a, b, margin, rule) in enumerate(rows)
    )


def paired_difference(a: Score, b: Score) -> tuple[float, float]:
    """Return (mean, standard error) of the per-item differences a - b, in units of accuracy.

    The error is the sample standard deviation over sqrt(n); for a single item it is infinite.
    """
    differences = [int(x) - int(y) for x, y in zip(a.correct, b.correct, strict=True)]
    count = len(differences)
    mean = sum(differences) / count
    if count < 2:  # no spread is known of one item
        return mean, math.inf
    variance = sum((difference - mean) ** 2 for difference in differences) / (count - 1)
    return mean, math.sqrt(variance / count)


def _rank(one: Scored) -> tuple[float, int, int]:
    """Best first; of equals the earlier program."""
    return (-one.dev.accuracy, one.proposed.iteration, one.proposed.index)


def _fingerprint(one: Scored) -> str:
    program = one.verified.program
    if not isinstance(program, Screened):
        raise EngineError(f"program {one.proposed.id} was never checked and screened: nothing may be learned from it")
    return program.fingerprint


def _require_comparable(scored: Sequence[Scored]) -> None:
    for one in scored:
        _fingerprint(one)
        if len(one.dev.correct) != len(scored[0].dev.correct) or one.dev.split != scored[0].dev.split:
            raise EngineError(
                f"program {one.proposed.id}: expected a score on {len(scored[0].dev.correct)} items of "
                f"{scored[0].dev.split}, found {len(one.dev.correct)} of {one.dev.split}",
                remedy="score all programs of a run on the same items",
            )


def _distinct(ranked: Iterable[Scored]) -> list[Scored]:
    """Keep the first of programs that share a source or a fingerprint."""
    seen: set[str] = set()
    kept = []
    for one in ranked:
        keys = {one.proposed.digest, _fingerprint(one)}
        if not keys & seen:
            kept.append(one)
        seen |= keys
    return kept


def _share(fraction: float, count: int) -> int:
    return math.ceil(fraction * count - 1e-9)  # 0.1 * 30 is a hair above 3


def _chosen(ranked: Sequence[Scored], earlier: Sequence[Scored], rules: Preferences) -> list[Scored]:
    """Return the iteration's top share and the elite of each earlier iteration."""
    top = list(ranked[: max(rules.chosen_min, _share(rules.chosen_fraction, len(ranked)))])
    for iteration in sorted({one.proposed.iteration for one in earlier}):
        past = sorted((one for one in earlier if one.proposed.iteration == iteration), key=_rank)
        top += _distinct(past)[: rules.elite]
    return _distinct(top)


def _rejected(ranked: Sequence[Scored], chosen: Sequence[Scored], rules: Preferences) -> list[Scored]:
    """Return the bottom share, without what is (or computes the same as) a chosen program."""
    size = _share(rules.rejected_fraction, len(ranked))
    return _without(ranked[len(ranked) - size :], chosen)


def _better_half(ranked: Sequence[Scored], chosen: Sequence[Scored], rejected: Sequence[Scored]) -> list[Scored]:
    return _without(ranked[: math.ceil(len(ranked) / 2)], [*chosen, *rejected])


def _without(some: Sequence[Scored], others: Sequence[Scored]) -> list[Scored]:
    return _distinct([*others, *some])[len(_distinct(others)) :]


def _invalid(rejections: Sequence[Rejection], scored: Sequence[Scored]) -> list[Proposed]:
    """Return the distinct programs that failed for their own fault, and never succeeded."""
    seen = {one.proposed.digest for one in scored}  # the same text once timed out and once ran: it is not invalid
    failed = []
    for rejection in sorted(rejections, key=lambda rejection: rejection.proposed.index):
        proposed = rejection.proposed
        if rejection.stage in _FAULT_STAGES and rejection.reason is not Reason.DUPLICATE:
            if proposed.digest not in seen:
                failed.append(proposed)
            seen.add(proposed.digest)
    return failed


def _differ(a: Scored, b: Scored, *, least_se: float) -> bool:
    mean, error = paired_difference(a.dev, b.dev)
    return mean > 0 and mean >= least_se * error


def _margin(a: Scored, b: Scored) -> float:
    return paired_difference(a.dev, b.dev)[0]


def _draw_invalid(
    rng: random.Random, chosen: Sequence[Scored], better: Sequence[Scored], invalid: Sequence[Proposed], quota: int
) -> list[tuple[Scored, Proposed]]:
    """Draw pairs against failed programs: half with the chosen, half with others of the better half."""
    others = _draw(rng, list(product(better, invalid)), quota // 2)
    return _draw(rng, list(product(chosen, invalid)), quota - len(others)) + others


def _draw(rng: random.Random, some: Sequence[_T], most: int) -> list[_T]:
    """Return at most `most` of them, without repetition."""
    return rng.sample(some, min(most, len(some)))


def _seed(rng_seed: int, iteration: int) -> int:
    return int.from_bytes(hashlib.sha256(f"assay pairs {rng_seed} {iteration}".encode()).digest()[:8], "big")
