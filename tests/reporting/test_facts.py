"""The fold from entries to facts, and how indices are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.ledger import Entry, read
from orchestrator.reporting.facts import RunFacts, gather, spans
from tests.ledger.written import create
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=20).write().run_dir


@pytest.fixture
def facts(run_dir: Path) -> RunFacts:
    return gather(read(run_dir / "ledger.jsonl"))


def test_every_program_has_one_outcome(facts: RunFacts) -> None:
    assert len(facts.programs) == 60
    assert all(iteration.outcomes.total() == 20 for iteration in facts.iterations.values())
    assert all((program.outcome == "scored") == (program.dev is not None) for program in facts.programs.values())


def test_counts_agree_with_a_count_of_the_entries(run_dir: Path, facts: RunFacts) -> None:
    entries = list(read(run_dir / "ledger.jsonl"))
    dev = [entry for entry in entries if entry.type == "eval.completed" and entry.data["split"] == "dev"]
    rejected = [entry for entry in entries if entry.type == "candidate.rejected"]
    assert len(facts.ranking) == len(dev)
    assert sum(bool(program.stage) for program in facts.programs.values()) == len(rejected)
    assert {program.entries[-1] for program in facts.programs.values() if program.stage} == {
        entry.index for entry in rejected
    }


def test_finalists_are_in_the_order_of_dev(facts: RunFacts) -> None:
    accuracies = [program.dev.accuracy for program in facts.finalists if program.dev]
    assert len(accuracies) == 5
    assert accuracies == sorted(accuracies, reverse=True)
    assert facts.finalists == facts.ranking[:5]


def test_nothing_after_the_run_s_end_is_a_fact_of_the_run(run_dir: Path, facts: RunFacts) -> None:
    entries = list(read(run_dir / "ledger.jsonl"))
    assert entries[-1].type == "log.closed"
    assert facts.entries == len(entries) - 1
    assert facts.ended == entries[-2]


def test_a_stage_without_an_end_stays_open(run_dir: Path) -> None:
    entries = list(read(run_dir / "ledger.jsonl"))
    start = next(entry for entry in entries if entry.type == "stage.started" and entry.data["stage"] == "screen")
    assert list(gather(entries[: start.index + 1]).open_stages) == [(1, "screen")]
    assert not gather(entries[: start.index + 2]).open_stages


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ([], "none"),
        ([3], "3"),
        ([3, 4, 5], "3\N{EN DASH}5"),
        ([9, 3, 4, 3], "3\N{EN DASH}4, 9"),
        ([1, 3, 5, 7, 9], "1, 3, 5, \N{HORIZONTAL ELLIPSIS} 9 (5 entries)"),
    ],
)
def test_indices_are_written_as_spans(indices: list[int], text: str) -> None:
    assert spans(indices) == text


VKEY = {name: f"{name}+0123abcd+{'A' * 44}" for name in "abc"}


def test_what_witnesses_said_is_folded_by_witness(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        said = {"size": 1, "root": "0" * 64, "time": 5, "cosignature": "AQ=="}
        failed = {"where": "/w", "why": "gone", "size": 1}
        ledger.append_many([("checkpoint.witnessed", "", {**said, "witness": VKEY[name]}) for name in ("a", "b")])
        ledger.append_many([("witness.failed", "", {**failed, "witness": VKEY[name]}) for name in ("a", "c")])
        ledger.append("checkpoint.witnessed", "", {**said, "witness": VKEY["a"], "size": 3})
    witnesses = gather(read(tmp_path / "ledger.jsonl")).witnesses
    assert {name: (one.failing, one.entries) for name, one in witnesses.items()} == {
        VKEY["a"]: (False, [3, 5]),
        VKEY["b"]: (False, [2]),
        VKEY["c"]: (True, [4]),
    }


def test_a_clock_that_was_set_back_between_two_processes_takes_no_time_away() -> None:
    times = {"report.written": "2026-01-02T00:00:09", "run.resumed": "2026-01-01T00:00:00"}
    entries = [
        Entry(index=index, hash="00" * 32, type=kind, subject="", time=f"{time}.000000Z", data={})
        for index, (kind, time) in enumerate(times.items())
    ]
    assert gather(entries).away == -(86400 + 9)
