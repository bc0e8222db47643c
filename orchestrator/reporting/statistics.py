"""Intervals for accuracies and for the difference of two models on the same items. Pure.

Items are taken as independent draws. The intervals know nothing of selection: a program that was picked
for its dev score has a flattering dev interval; only its test score is free of that.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054  # standard normal quantile at 0.975


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and its 95 % confidence interval, as fractions."""

    estimate: float
    low: float
    high: float


def wilson(right: int, items: int) -> Interval:
    """Return a proportion with its Wilson score interval (Wilson, JASA 22, 1927).

    Raises:
        ValueError: no items, or more right than items.
    """
    if not 0 <= right <= items or items == 0:
        raise ValueError(f"expected 0 <= right <= items and items > 0, found {right} of {items}")
    share, z2 = right / items, Z95 * Z95
    scale = 1 + z2 / items
    centre = (share + z2 / (2 * items)) / scale
    half = Z95 * math.sqrt(share * (1 - share) / items + z2 / (4 * items * items)) / scale
    low = 0.0 if right == 0 else max(0.0, centre - half)  # exact at the ends, whatever the rounding
    high = 1.0 if right == items else min(1.0, centre + half)
    return Interval(estimate=share, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Accuracy of one model minus another's on the same items."""

    difference: Interval
    gained: int  # items that only the first model has right
    lost: int  # items that only the second has right
    p_value: float  # exact McNemar test, two-sided


def paired(first: Sequence[bool], second: Sequence[bool]) -> Paired:
    """Compare two models item by item.

    The interval is Agresti and Min's adjusted Wald (Statistics in Medicine 24, 2005, section 3): half an
    observation is added to each cell. The estimate itself is not adjusted.

    Raises:
        ValueError: different numbers of items, or none.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"expected the same items for both, found {len(first)} and {len(second)}")
    gained = sum(a and not b for a, b in zip(first, second, strict=True))
    lost = sum(b and not a for a, b in zip(first, second, strict=True))
    up, down, total = gained + 0.5, lost + 0.5, len(first) + 2
    centre = (up - down) / total
    half = Z95 * math.sqrt(max(0.0, (up + down) - (up - down) ** 2 / total)) / total
    interval = Interval(
        estimate=(gained - lost) / len(first), low=max(-1.0, centre - half), high=min(1.0, centre + half)
    )
    return Paired(difference=interval, gained=gained, lost=lost, p_value=mcnemar(gained, lost))


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value of `gained` against `lost` under fair coin flips."""
    total, few = gained + lost, min(gained, lost)
    tail = sum(math.comb(total, count) for count in range(few + 1))
    return min(1.0, float(2 * tail / 2**total))


def means(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """Return the mean of `first` minus the mean of `second`; none where one has fewer than two values.

    The interval is the large-sample one with unequal variances (z, not t): below some 30 values on a side
    it is somewhat too narrow.
    """
    if min(len(first), len(second)) < 2:
        return None
    estimate = statistics.fmean(first) - statistics.fmean(second)
    half = Z95 * math.sqrt(statistics.variance(first) / len(first) + statistics.variance(second) / len(second))
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half)
