"""One program's life: everything that the record says of it, with the entries behind each part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from orchestrator.ledger import Entry, read
from orchestrator.reporting.life import life, marks, table
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRun:
    return SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=30, iterations=2).write()


@pytest.fixture(scope="module")
def entries(run: SyntheticRun) -> Sequence[Entry]:
    return tuple(read(run.run_dir / "ledger.jsonl"))


def parts(value: Any) -> list[tuple[int, dict[str, Any]]]:
    """Return every (entry, part) of a life, however deep."""
    if isinstance(value, dict):
        own = [(value["entry"], value)] if "entry" in value else []
        return own + [found for inner in value.values() for found in parts(inner)]
    return [found for inner in value for found in parts(inner)] if isinstance(value, list) else []


def test_every_entry_about_a_program_is_in_its_life(run: SyntheticRun, entries: Sequence[Entry]) -> None:
    for name, *_ in run.scored[:5]:
        found = life(entries, name)
        assert found
        assert [one["index"] for one in found["entries"]] == [e.index for e in entries if e.subject == name]


def test_every_part_says_what_its_entry_says(run: SyntheticRun, entries: Sequence[Entry]) -> None:
    found = life(entries, run.scored[0][0])
    assert found
    named = parts(found)
    assert len(named) > 8
    for index, part in named:
        data = entries[index].data
        assert {key: value for key, value in part.items() if key in data} == {
            key: data[key] for key in part if key in data
        }


def test_the_comparison_with_the_seed_adds_up(run: SyntheticRun, entries: Sequence[Entry]) -> None:
    found = life(entries, run.scored[0][0])
    assert found
    score = next(one for one in found["scores"] if one["split"] == "dev")
    beside = score["seed"]
    assert beside["both"] + beside["only_program"] == score["correct"].count("1")
    assert beside["both"] + beside["only_seed"] == beside["correct"].count("1")
    assert sum(beside[key] for key in ("both", "only_program", "only_seed", "neither")) == score["items"]
    line = marks(score["correct"], beside["correct"])
    assert (line.count("+"), line.count("-")) == (beside["only_program"], beside["only_seed"])


def test_pairs_are_found_from_both_sides(entries: Sequence[Entry]) -> None:
    pair = next(entry for entry in entries if entry.type == "dpo.pair_created")
    for side, other in (("chosen", "rejected"), ("rejected", "chosen")):
        found = life(entries, pair.data[side])
        assert found
        mine = next(one for one in found["pairs"] if one["entry"] == pair.index)
        assert (mine["side"], mine["other"]) == (side, pair.data[other])


def test_a_program_that_is_not_on_record_has_no_life(entries: Sequence[Entry]) -> None:
    assert life(entries, "i9-999") is None
    assert life(entries, "") is None


def test_the_table_has_every_program_once_with_its_outcome(entries: Sequence[Entry], run: SyntheticRun) -> None:
    rows = table(entries)
    assert [row["program"] for row in rows] == [e.subject for e in entries if e.type == "candidate.generated"]
    assert {row["program"] for row in rows if row["outcome"] == "scored"} == {one[0] for one in run.scored}
    for row in rows:
        ends = [e for e in entries if e.subject == row["program"] and e.type == "candidate.rejected"]
        assert [f"{e.data['stage']}: {e.data['reason']}" for e in ends] in ([], [row["outcome"]])
