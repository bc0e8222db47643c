"""Intervals against published values and against what they promise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.reporting.statistics import mcnemar, paired, wilson

RESULTS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("right", "items", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(right: int, items: int, low: float, high: float) -> None:
    interval = wilson(right, items)
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(1, 5000), st.data())
def test_wilson_holds_its_estimate_within_0_and_1(items: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, items))
    interval = wilson(right, items)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@pytest.mark.parametrize(("right", "items"), [(0, 0), (2, 1), (-1, 5)])
def test_wilson_refuses_impossible_counts(right: int, items: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        wilson(right, items)


@given(RESULTS)
def test_a_comparison_turned_round_is_its_mirror(pairs: list[tuple[bool, bool]]) -> None:
    first, second = zip(*pairs, strict=True)
    there, back = paired(first, second), paired(second, first)
    assert there.difference.estimate == -back.difference.estimate
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert (there.gained, there.lost, there.p_value) == (back.lost, back.gained, back.p_value)


@given(RESULTS)
def test_a_model_does_not_differ_from_itself(pairs: list[tuple[bool, bool]]) -> None:
    same = [first for first, _ in pairs]
    result = paired(same, same)
    assert (result.difference.estimate, result.p_value) == (0, 1)
    assert result.difference.low <= 0 <= result.difference.high


def test_different_items_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same items"):
        paired([True], [True, False])


def test_the_paired_interval_covers_as_promised() -> None:
    chance = random.Random(5)
    covered = 0
    for _ in range(1000):
        # P(only first) = 0.15, P(only second) = 0.10: the true difference is 0.05.
        draws = [chance.random() for _ in range(200)]
        first, second = (
            [draw < 0.15 or draw > 0.5 for draw in draws],
            [0.15 <= draw < 0.25 or draw > 0.5 for draw in draws],
        )
        interval = paired(first, second).difference
        covered += interval.low <= 0.05 <= interval.high
    assert 930 <= covered <= 975


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"), [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (1, 9, 0.021484375), (300, 0, 2 / 2**300)]
)
def test_mcnemar_is_the_exact_binomial_test(gained: int, lost: int, p_value: float) -> None:
    assert mcnemar(gained, lost) == pytest.approx(p_value, rel=1e-12)


def test_mcnemar_takes_thousands_of_items() -> None:
    assert 0 <= mcnemar(4000, 100) < 1e-300
