"""What began and has no end is named; integrity is another question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.ledger import Ledger, verify
from orchestrator.ledger.commit import PREFIX
from tests.ledger.test_tampering import signed_anew
from tests.ledger.written import create, life, lines_of, skipped
from tests.synthetic_run import SyntheticRun

STAGE = {"iteration": 1, "stage": "screen"}
ENDS = ("stage.completed", "iteration.completed", "sandbox.exited", "eval.completed")
ENDS += ("candidate.rejected", "run.completed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("run") / "lab"
    SyntheticRun(run_dir, programs=6, iterations=1).write()
    return run_dir / "ledger.jsonl"


def test_a_finished_run_is_complete(run: Path) -> None:
    assert verify(run).missing == ()


@pytest.mark.parametrize("suppressed", ENDS)
def test_an_end_that_its_writer_left_out_is_missed_though_nothing_was_tampered_with(
    run: Path, tmp_path: Path, suppressed: str
) -> None:
    events = [json.loads(line) for line in lines_of(run)]
    drafts = events[1:-1]
    drafts.remove(next(event for event in drafts if event["type"] == suppressed))
    with create(tmp_path / "ledger.jsonl") as ledger:
        for event in drafts:
            ledger.append(event["type"], event["subject"], event["data"])
    result = verify(tmp_path / "ledger.jsonl")
    assert result.intact
    assert not result.complete
    assert len(result.missing) == 1


def test_what_a_failure_cut_short_is_excused_but_not_its_programs(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("stage.started", "", {**STAGE, "total": 1})
        ledger.append_many(life()[:1])
        ledger.append("run.failed", "", {"error": "E", "message": "m"})
    found = [item.split(" has")[0] for item in verify(tmp_path / "ledger.jsonl").missing]
    assert found == ["entry 2: candidate.generated i1-000"]


def test_a_killed_run_is_incomplete_until_it_is_taken_up_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = create(path)
    ledger.append("stage.started", "", {**STAGE, "total": 1})
    ledger._release()
    assert len(verify(path).missing) == 2
    Ledger.open(path).close()
    assert verify(path).complete


def test_a_container_without_an_end_is_named(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many([draft for draft in life() if draft[0] != "sandbox.exited"])
    assert verify(tmp_path / "ledger.jsonl").missing == ("entry 4: sandbox.created c0ffee has no sandbox.exited",)


def test_a_log_that_was_signed_anew_without_its_end_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", "", skipped())
    path.write_bytes(signed_anew(lines_of(path)[:-1]))
    assert PREFIX in path.read_bytes()
    assert "not log.closed" in verify(path).missing[0]
