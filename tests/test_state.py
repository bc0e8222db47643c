"""What a record says has been done: each step once, and nothing of what was begun and not ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry, Ledger, read
from orchestrator.state import RunState, fold
from tests.ledger.written import FixedClock, create, life
from tests.synthetic_run import SyntheticRun

Draft = tuple[str, str, Mapping[str, Any]]

RESUMED: Draft = ("run.resumed", "", {"after": "", "stages": [], "programs": [], "containers": []})
STEPS = [name for name, _, _ in life()]


def folded(tmp_path: Path, drafts: Sequence[Draft]) -> RunState:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many(drafts)
    return fold(read(tmp_path / "ledger.jsonl"))


def stage(kind: str, name: str, iteration: int = 1) -> Draft:
    data: dict[str, Any] = {"stage": name, "iteration": iteration}
    rest = {"total": 1} if kind == "started" else {"passed": 1, "rejected": 0, "seconds": "1"}
    return (f"stage.{kind}", "", {**data, **rest})


def entry(index: int, event_type: str, time: str, **data: Any) -> Entry:
    return Entry(index=index, hash="", type=event_type, subject="", time=time, data=data)


def test_nothing_is_on_record_of_a_run_that_has_not_begun() -> None:
    state = fold([])
    assert not state.completed
    assert not state.programs
    assert state.spent == 0.0


def test_a_finished_run_is_folded_whole(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "run", programs=10, iterations=2).write()
    state = fold(read(run.run_dir / "ledger.jsonl"))
    assert state.completed
    assert sorted(state.iterations) == [1, 2]
    assert all(sorted(iteration.programs) == list(range(10)) for iteration in state.iterations.values())
    assert {name for name, program in state.programs.items() if "dev" in program.scores} == {
        scored[0] for scored in run.scored
    }
    assert all(iteration.completed and iteration.learnt for iteration in state.iterations.values())
    assert not state.open_containers
    assert state.split is not None


@pytest.mark.parametrize("count", range(1, len(STEPS)))
def test_what_a_program_has_gone_through_is_known_and_nothing_more(tmp_path: Path, count: int) -> None:
    program = folded(tmp_path, life()[:count]).programs["i1-000"]
    done = {
        "candidate.generated": True,
        "policy.evaluated": program.policy is not None,
        "screen.completed": program.screen is not None,
        "outputs.verified": program.verified is not None,
        "eval.completed": "dev" in program.scores,
    }
    assert {name for name, known in done.items() if known} == set(STEPS[:count]) & done.keys()


@pytest.mark.parametrize("step", [name for name in STEPS if not name.startswith("sandbox.")])
def test_a_result_that_is_on_record_twice_is_refused(tmp_path: Path, step: str) -> None:
    again = next(draft for draft in life() if draft[0] == step)
    with pytest.raises(LedgerError, match=f"expected one {step} of i1-000"):
        folded(tmp_path, [*life(), again])


def test_a_program_without_a_verdict_is_in_flight(tmp_path: Path) -> None:
    state = folded(tmp_path, [*life("i1-000"), *life("i1-001")[:5]])
    assert state.in_flight == ["i1-001"]


def test_a_container_is_open_until_it_is_seen_or_said_to_have_ended(tmp_path: Path) -> None:
    assert list(folded(tmp_path, life()[:5]).open_containers) == ["c0ffee"]


@pytest.mark.parametrize("ending", ["sandbox.exited", "sandbox.lost"])
def test_a_container_that_ended_is_not_open(tmp_path: Path, ending: str) -> None:
    container = dict(life()[4][2])
    more = {"exit_code": 0, "oom_killed": False, "timed_out": False} if ending == "sandbox.exited" else {}
    assert not folded(tmp_path, [*life()[:5], (ending, "i1-000", {**container, **more})]).open_containers


def test_a_stage_is_done_once_it_is_completed(tmp_path: Path) -> None:
    state = folded(tmp_path, [stage("started", "check"), stage("completed", "check"), stage("started", "screen")])
    assert state.done_stages == {(1, "check")}
    assert set(state.open_stages) == {(1, "screen")}


def test_a_resumption_begins_open_stages_anew(tmp_path: Path) -> None:
    state = folded(tmp_path, [stage("started", "screen"), RESUMED])
    assert not state.open_stages
    assert state.resumptions == 1


def test_an_end_that_the_run_was_resumed_after_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("run.interrupted", "", {"signal": "SIGINT"})
    with Ledger.open(path) as ledger:
        assert fold(ledger.entries()).ended is not None
        ledger.append(*RESUMED)
    assert fold(read(path)).ended is None


def test_a_run_goes_on_although_the_clock_was_set_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    clock = FixedClock()
    for _ in range(3600):
        clock.now()
    with Ledger.create(path, source="assay/test", config_sha256="", clock=clock) as ledger:
        ledger.append_many(life()[:5])
    with Ledger.open(path, clock=FixedClock()) as ledger:
        ledger.append(*RESUMED)
        ledger.append_many(life()[5:])
    entries = list(read(path))
    assert entries[-1].time < entries[0].time
    assert "dev" in fold(entries).programs["i1-000"].scores


def test_time_between_two_processes_is_nobody_s() -> None:
    state = fold(
        [
            entry(0, "log.opened", "2026-01-01T00:00:00.000000Z"),
            entry(1, "dpo.skipped", "2026-01-01T00:00:01.000000Z", iteration=1),
            entry(2, "report.written", "2026-01-01T00:00:11.000000Z"),
            entry(3, "log.reopened", "2026-01-02T00:00:00.000000Z"),
            entry(4, "run.resumed", "2026-01-02T00:00:00.000000Z"),
            entry(5, "report.written", "2026-01-02T00:00:05.000000Z"),
        ]
    )
    assert state.spent == 15.0


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    state = fold(
        [
            entry(0, "report.written", "2026-01-02T00:00:00.000000Z"),
            entry(1, "report.written", "2026-01-02T00:00:09.000000Z"),
            entry(2, "run.resumed", "2026-01-01T00:00:00.000000Z"),
            entry(3, "report.written", "2026-01-01T00:00:02.000000Z"),
            entry(4, "report.written", "2025-01-01T00:00:00.000000Z"),
        ]
    )
    assert state.spent == 9.0
