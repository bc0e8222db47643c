"""The order of the classes, their exit codes, and that nothing shown is nothing passed."""

from __future__ import annotations

import itertools

import pytest

from orchestrator.replay.classes import EXIT_CODES, VERDICTS, ReplayClass, worst
from tests.commands import ROOT

ORDER = [
    "IDENTICAL",
    "EQUIVALENT",
    "WITHIN_TOLERANCE",
    "INCONCLUSIVE",
    "INPUT_UNAVAILABLE",
    "ENV_MISMATCH",
    "DIVERGED",
    "LOG_INVALID",
]


def test_a_run_is_as_good_as_its_worst_program() -> None:
    for better, worse in itertools.combinations(map(ReplayClass, ORDER), 2):
        assert worst([worse, better, better]) is worse


def test_of_no_program_nothing_was_shown() -> None:
    assert worst([]) is ReplayClass.INCONCLUSIVE


def test_only_passing_classes_exit_with_zero() -> None:
    assert {one for one in ReplayClass if EXIT_CODES[one] == 0} == {
        one for one in ReplayClass if VERDICTS[one] == "pass"
    }


def test_no_code_means_usage_or_the_platform() -> None:
    assert not {2, 3, 130} & set(EXIT_CODES.values())


@pytest.mark.parametrize("one", ReplayClass)
def test_the_documented_code_is_the_one(one: ReplayClass) -> None:
    rows = [
        line for line in (ROOT / "docs" / "replay.md").read_text().splitlines() if line.startswith(f"| {one.value} ")
    ]
    assert len(rows) == 1
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert cells[3] == str(EXIT_CODES[one])
    assert cells[2].startswith(VERDICTS[one])
