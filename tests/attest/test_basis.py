"""A statement rests on the entries of one program, all of them, that belong together; and on no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.attest.basis import Basis, basis_of
from orchestrator.attest.gather import Based, Gathered
from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry
from tests.attest.written import PROGRAM, changed, ledger_with, profile, run_drafts, scored, sha, small_run


def based(ledger: Path) -> Based:
    return Gathered(ledger).bases(PROGRAM)[-1]


def taken(entries: Sequence[Entry]) -> Basis:
    return basis_of("assay/test", entries, [])


def test_every_entry_has_its_part(tmp_path: Path) -> None:
    found = taken(based(small_run(tmp_path, test="01")).entries)
    assert (found.program, found.run.type, found.machine.type) == (PROGRAM, "run.started", "determinism.profile")
    assert found.test is not None
    assert (found.dev.data["correct"], found.test.data["correct"]) == ("0110", "01")


@pytest.mark.parametrize("left_out", range(11))
def test_none_may_be_missing(tmp_path: Path, left_out: int) -> None:
    entries = based(small_run(tmp_path)).entries
    assert len(entries) == 11
    with pytest.raises(LedgerError):
        taken([entry for place, entry in enumerate(entries) if place != left_out])


def test_none_may_be_left_over(tmp_path: Path) -> None:
    entries = based(small_run(tmp_path)).entries
    for more in (entries[0], replace(entries[0], index=99, type="dpo.skipped"), replace(entries[-1], index=99)):
        with pytest.raises(LedgerError):
            taken([*entries, more])


def test_a_second_program_is_refused(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, [*run_drafts(), *scored(), *scored("i1-001")])
    gathered = Gathered(ledger)
    both = [*gathered.bases(PROGRAM)[0].entries, *gathered.bases("i1-001")[0].entries[3:]]
    with pytest.raises(LedgerError, match="expected the entries of one program, found 2"):
        taken(both)


def test_a_result_on_test_of_another_output_is_refused(tmp_path: Path) -> None:
    entries = list(based(small_run(tmp_path, test="01")).entries)
    for other in (
        replace(entries[-1], data={**entries[-1].data, "output_sha256": sha("other")}),
        replace(entries[-1], subject="i1-001"),
    ):
        with pytest.raises(LedgerError, match=r"expected output_sha256|expected program_sha256"):
            taken([*entries[:-1], other])


def test_the_run_s_entries_stand_before_the_program_was_started(tmp_path: Path) -> None:
    entries = list(based(small_run(tmp_path)).entries)
    with pytest.raises(LedgerError, match=r"expected one inputs\.resolved before entry"):
        taken([replace(entry, index=99) if entry.type == "inputs.resolved" else entry for entry in entries])


def test_the_machine_is_that_of_the_process_at_work(tmp_path: Path) -> None:
    """Each process of a resumed run records its own."""
    name, later = profile("3.12.0")
    drafts = [*run_drafts(), *scored(), (name, "", later), *scored("i1-001"), (name, "", profile("3.13.0")[1])]
    gathered = Gathered(ledger_with(tmp_path, drafts))
    machines = [taken(gathered.bases(program)[0].entries).machine.data["python"] for program in (PROGRAM, "i1-001")]
    assert machines == ["3.11.2", "3.12.0"]


def test_a_container_that_the_platform_lost_is_not_part_of_it(tmp_path: Path) -> None:
    life = scored()
    lost = [
        (name, subject, {**data, "container_id": "1057"})
        for name, subject, data in life
        if name in ("sandbox.created", "sandbox.started")
    ]
    end = ("sandbox.lost", PROGRAM, {"container_id": "1057", "purpose": "run", "program_sha256": sha("x")})
    drafts = [*run_drafts(), *life[:3], *lost, end, *life[3:]]
    found = based(ledger_with(tmp_path, drafts)).entries
    assert len(found) == 11
    assert taken(found).created.data["container_id"] != "1057"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("policy.evaluated", {"verdict": "refused"}),
        ("sandbox.exited", {"exit_code": 1}),
        ("eval.completed", {"output_sha256": sha("other")}),
    ],
)
def test_a_program_whose_record_has_a_gap_is_refused(tmp_path: Path, kind: str, values: dict[str, object]) -> None:
    ledger = ledger_with(tmp_path, changed([*run_drafts(), *scored()], kind, **values))
    with pytest.raises(LedgerError, match=f"program {PROGRAM}"):
        based(ledger)
