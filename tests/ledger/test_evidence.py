"""What must be on record before a score may be learnt from; each gap is told apart."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry, history, read, require_chain
from orchestrator.ledger.evidence import REQUIRED
from tests.ledger.written import create, life, sha

Drafts = list[tuple[str, str, dict[str, Any]]]


def entries_of(tmp_path: Path, drafts: Drafts) -> list[Entry]:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many(drafts)
    return list(read(tmp_path / "ledger.jsonl"))


def changed(step: str, **values: object) -> Drafts:
    return [(name, subject, {**data, **values} if name == step else data) for name, subject, data in life()]


def test_a_whole_record_gives_the_index_of_each_step(tmp_path: Path) -> None:
    assert require_chain(entries_of(tmp_path, life()), "i1-000") == tuple(range(1, 9))


def test_other_programs_in_between_do_not_matter(tmp_path: Path) -> None:
    pairs = zip(life("i1-000"), life("i1-001"), strict=True)
    entries = entries_of(tmp_path, list(itertools.chain.from_iterable(pairs)))
    assert require_chain(entries, "i1-001") == tuple(range(2, 17, 2))


def test_the_ledger_itself_answers_for_a_program(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many([*life("i1-000"), *life("i1-001")])
        assert len(require_chain(ledger.history("i1-000"), "i1-000")) == len(REQUIRED)
        assert ledger.history("i9-999") == ()


def test_a_later_test_score_does_not_disturb(tmp_path: Path) -> None:
    final = changed("eval.completed", split="test")[-1]
    assert require_chain(entries_of(tmp_path, [*life(), final]), "i1-000") == tuple(range(1, 9))


def test_a_container_in_which_the_platform_failed_before_does_not_disturb(tmp_path: Path) -> None:
    record = life()
    lost = {"container_id": "0ddba11"}
    first = [
        (name, subject, {**data, **lost, **({"exit_code": None} if name == "sandbox.exited" else {})})
        for name, subject, data in record
        if name.startswith("sandbox.")
    ]
    at = next(index for index, draft in enumerate(record) if draft[0] == "sandbox.created")
    indices = require_chain(entries_of(tmp_path, [*record[:at], *first, *record[at:]]), "i1-000")
    assert indices == (1, 2, 3, 7, 8, 9, 10, 11)


@pytest.mark.parametrize("missing", [name for name, _ in REQUIRED])
def test_a_missing_step_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(LedgerError, match=f"expected one {missing}, found 0"):
        require_chain(entries_of(tmp_path, [draft for draft in life() if draft[0] != missing]), "i1-000")


@pytest.mark.parametrize("twice", [name for name, _ in REQUIRED])
def test_a_step_that_was_recorded_twice_is_refused(tmp_path: Path, twice: str) -> None:
    again = next(draft for draft in life() if draft[0] == twice)
    with pytest.raises(LedgerError, match=f"expected one {twice}, found 2"):
        require_chain(entries_of(tmp_path, [*life(), again]), "i1-000")


@pytest.mark.parametrize("place", range(len(REQUIRED) - 1))
def test_steps_out_of_order_are_refused(tmp_path: Path, place: int) -> None:
    drafts = life()
    drafts[place], drafts[place + 1] = drafts[place + 1], drafts[place]
    with pytest.raises(LedgerError, match="in order"):
        require_chain(entries_of(tmp_path, drafts), "i1-000")


@pytest.mark.parametrize(
    ("step", "key", "value"),
    [
        ("policy.evaluated", "verdict", "refused"),
        ("policy.evaluated", "verdict", "skipped"),
        ("screen.completed", "verdict", "rejected"),
        ("sandbox.created", "purpose", "screen"),
        ("sandbox.exited", "exit_code", 137),
        ("sandbox.exited", "exit_code", None),
        ("sandbox.exited", "oom_killed", True),
        ("sandbox.exited", "timed_out", True),
        ("sandbox.started", "container_id", "deadbeef"),
        ("outputs.verified", "container_id", "deadbeef"),
        ("eval.completed", "output_sha256", sha("another output")),
        ("outputs.verified", "output_sha256", ""),
        *((name, "program_sha256", sha("another program")) for name, _ in REQUIRED[1:]),
    ],
)
def test_a_step_that_says_something_else_is_refused(tmp_path: Path, step: str, key: str, value: object) -> None:
    with pytest.raises(LedgerError, match=key):
        require_chain(entries_of(tmp_path, changed(step, **{key: value})), "i1-000")


def test_a_rejected_program_is_refused_whatever_else_is_on_record(tmp_path: Path) -> None:
    rejection = {
        "program_sha256": sha("x"),
        "iteration": 1,
        "stage": "verify",
        "reason": "not_finite",
        "detail": "NaN",
    }
    with pytest.raises(LedgerError, match="rejects it: not_finite"):
        require_chain(entries_of(tmp_path, [*life(), ("candidate.rejected", "i1-000", rejection)]), "i1-000")


def test_a_test_score_alone_is_no_evidence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"expected one eval\.completed, found 0"):
        require_chain(entries_of(tmp_path, changed("eval.completed", split="test")), "i1-000")


def test_history_keeps_order(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, [*life("i1-001"), *life("i1-000")])
    assert [entry.type for entry in history(entries, "i1-001")] == [name for name, _ in REQUIRED]
