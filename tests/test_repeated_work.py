"""Work that was on record and is done again is found: the drill's own eye is tested on records made up for it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.ledger import Entry
from tests.repeated_work import repeated


def record(*events: tuple[str, str, dict[str, Any]]) -> list[Entry]:
    return [
        Entry(index=index, hash="", type=kind, subject=subject, time="2026-01-01T00:00:00.000000Z", data=data)
        for index, (kind, subject, data) in enumerate(events)
    ]


def stage(kind: str, name: str, total: int = 0, iteration: int = 1) -> tuple[str, str, dict[str, Any]]:
    return f"stage.{kind}", "", {"iteration": iteration, "stage": name, "total": total}


BEGUN = ("iteration.started", "", {"iteration": 1, "programs": 2})
WRITTEN = [("candidate.generated", f"i1-00{index}", {"iteration": 1, "index": index}) for index in range(2)]
ADMITTED = [("policy.evaluated", f"i1-00{index}", {"verdict": "admitted"}) for index in range(2)]
SCREENED = [("screen.completed", f"i1-00{index}", {"verdict": "passed"}) for index in range(2)]
VERIFIED = ("outputs.verified", "i1-000", {})
RUNS = ("sandbox.started", "i1-000", {"container_id": "c"})
TRAINED = ("dpo.trained", "", {"iteration": 1})
RESUMED = ("run.resumed", "", {})
THROUGH = [BEGUN, *WRITTEN, *ADMITTED, *SCREENED]


@pytest.mark.parametrize(
    "events",
    [
        [stage("started", "setup", iteration=0), stage("completed", "setup", iteration=0)] * 2,
        [BEGUN, stage("started", "generate"), WRITTEN[0], RESUMED, stage("started", "generate")],
        [BEGUN, *WRITTEN, stage("started", "check", 2), ADMITTED[0], RESUMED, stage("started", "check", 1)],
        [*THROUGH, RUNS, RESUMED, stage("started", "run", 2), RUNS, VERIFIED],
        [stage("started", "learn"), RESUMED, stage("started", "learn"), TRAINED],
    ],
)
def test_what_was_begun_and_not_ended_may_be_begun_again(events: list[Any]) -> None:
    assert repeated(record(*events)) == []


@pytest.mark.parametrize(
    ("events", "named"),
    [
        ([*THROUGH, RUNS, VERIFIED, RESUMED, RUNS], "i1-000 is run again"),
        ([*THROUGH, VERIFIED, RESUMED, stage("started", "run", 2)], "run of iteration 1 takes 2"),
        ([BEGUN, *WRITTEN, *ADMITTED, RESUMED, stage("started", "check", 2)], "check of iteration 1 takes 2"),
        ([*THROUGH, RESUMED, stage("started", "screen", 2)], "screen of iteration 1 takes 2"),
        ([BEGUN, *WRITTEN, RESUMED, stage("started", "generate")], "sampled again"),
        ([TRAINED, RESUMED, stage("started", "learn")], "learnt from again"),
        ([stage("completed", "baseline"), RESUMED, stage("started", "baseline")], "begun again"),
    ],
)
def test_what_was_done_and_is_done_again_is_named(events: list[Any], named: str) -> None:
    assert [named in line for line in repeated(record(*events))] == [True]
