"""An export is whole or not there, and holds statements about every scored merge of a verified record."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.attest.check import check
from orchestrator.attest.gather import Gathered
from orchestrator.attest.write import Written, export
from orchestrator.errors import AssayError, LedgerError, UsageError
from orchestrator.ledger import Ledger, keys, read
from orchestrator.ledger.cosignature import cosigned_by
from orchestrator.ledger.note import parse
from orchestrator.ledger.reading import batches_of
from orchestrator.ledger.remembered import remember
from orchestrator.ledger.witnesses import put_cosigned
from tests.attest.written import PROGRAM, ledger_with, payload_of, profile, run_drafts, scored, small_run
from tests.ledger.witnessed import cosign_file, make_witness
from tests.synthetic_run import SyntheticRun


def files_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.json"))}


def test_every_scored_merge_of_a_run_is_attested_and_none_else(tmp_path: Path) -> None:
    run = tmp_path / "lab"
    SyntheticRun(run, programs=12, iterations=2).write()
    done = export(run / "ledger.jsonl", tmp_path / "out")
    entries = list(read(run / "ledger.jsonl"))
    results = [(entry.subject, entry.data["split"]) for entry in entries if entry.type == "eval.completed"]
    scored = {program for program, split in results if split == "dev"}
    assert 0 < len(scored) < 24
    expected = {f"{program}.{split}.json" for program, split in results}
    expected |= {f"{program}.provenance.json" for program in scored}
    found = files_of(tmp_path / "out")
    assert set(found) == expected
    assert done.statements == len(expected)
    assert (done.programs, done.others) == (len(scored), 24 - len(scored))
    outputs = {e.subject: e.data["output_sha256"] for e in entries if e.type == "outputs.verified"}
    for name, data in found.items():
        checked = check(data)
        assert checked.statement["subject"][0]["digest"] == {"sha256": outputs[name.split(".")[0]]}
        assert checked.statement == payload_of(data)


def test_only_the_programs_that_were_asked_for_are_written(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, [*run_drafts(), *(each for name in "abc" for each in scored(name, test="1"))])
    assert export(ledger, tmp_path / "out", ["c,a"]).programs == 2
    assert {name.split(".")[0] for name in files_of(tmp_path / "out")} == {"a", "c"}


def test_the_public_key_lies_beside_the_statements(tmp_path: Path) -> None:
    export(small_run(tmp_path), tmp_path / "out")
    (statement, *_) = files_of(tmp_path / "out").values()
    assert check(statement).public == (tmp_path / "out" / "signer.pub").read_text()


def test_large_values_travel_with_the_proofs(tmp_path: Path) -> None:
    """A line of the ledger has 16 KiB; 20,000 results are in a blob."""
    marks = "01" * 10_000
    ledger = small_run(tmp_path, marks=marks)
    export(ledger, tmp_path / "out")
    data = (tmp_path / "out" / f"{PROGRAM}.dev.json").read_bytes()
    assert list(json.loads(data)["assay"]["moved"].values()) == [f'"{marks}"']
    assert len(check(data).statement["predicate"]["passedTests"]) == 10_000


def test_a_log_that_was_handed_over_and_gone_on_with_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_KEYS", str(tmp_path / "keys"))
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *scored()])
    first = keys.current()
    second = keys.rotate()
    with Ledger.open(ledger) as reopened:
        reopened.append(profile("3.12.0")[0], "", profile("3.12.0")[1])
        for draft in scored("i1-001"):
            reopened.append(*draft)
    export(ledger, tmp_path / "out")
    found = {name: check(data) for name, data in files_of(tmp_path / "out").items()}
    assert len(found) == 4
    assert {each.key.public for each in found.values()} == {second.public} != {first.public}
    machines = {
        name: each.statement["predicate"]["buildDefinition"]["internalParameters"]["machine"]["python"]
        for name, each in found.items()
        if "provenance" in name
    }
    assert machines == {"i1-000.provenance.json": "3.11.2", "i1-001.provenance.json": "3.12.0"}


def test_a_log_that_is_still_written_is_exported_as_far_as_it_is_signed(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *scored()])
    with Ledger.open(ledger) as open_ledger:
        for draft in scored("i1-001"):
            open_ledger.append(*draft)
        assert export(ledger, tmp_path / "out").programs == 2


def test_a_witness_s_cosignature_travels_with_the_proofs(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    make_witness(tmp_path / "witness", str(next(batches_of(ledger)).key))
    cosigned = cosign_file(ledger, tmp_path / "witness")
    put_cosigned(ledger, parse((ledger.parent / "checkpoint").read_bytes()), [cosigned.line])
    export(ledger, tmp_path / "out")
    for data in files_of(tmp_path / "out").values():
        assert cosigned_by(check(data).note, cosigned.key) == cosigned


@pytest.mark.parametrize("beside", [b"", b"no note", b"assay/other\n1\n"])
def test_what_else_lies_in_the_checkpoint_s_place_is_passed_over(tmp_path: Path, beside: bytes) -> None:
    ledger = small_run(tmp_path / "run")
    (ledger.parent / "checkpoint").write_bytes(beside)
    assert export(ledger, tmp_path / "out").statements == 2


def test_a_checkpoint_of_fewer_entries_is_passed_over(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    (ledger.parent / "checkpoint").write_bytes(next(batches_of(ledger)).note.render())
    export(ledger, tmp_path / "out")
    (data, *_) = files_of(tmp_path / "out").values()
    assert check(data).note.checkpoint.size == len(list(read(ledger)))


def test_a_copy_that_was_cut_since_it_was_verified_here_is_not_exported(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    last = list(batches_of(ledger))[-1]
    remember(last.key, last.note)
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-2]))
    assert "LOG_TRUNCATED" in refused(LedgerError, ledger, tmp_path / "out").what


def damaged(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b'"accuracy":"0.5"', b'"accuracy":"0.9"'))


def torn(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:-3])


def cut_within_a_batch(ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:-1]))


@pytest.mark.parametrize("harm", [damaged, torn, cut_within_a_batch])
def test_nothing_is_written_of_a_record_that_does_not_hold(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    ledger = small_run(tmp_path / "run")
    harm(ledger)
    refused(LedgerError, ledger, tmp_path / "out")


def refused(kind: type[AssayError], ledger: Path, out: Path, *programs: str) -> AssayError:
    before = sorted(out.parent.iterdir())
    with pytest.raises(kind) as error:
        export(ledger, out, programs)
    assert sorted(out.parent.iterdir()) == before
    return error.value


def test_a_blob_that_was_changed_ends_it(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run", marks="01" * 10_000)
    (blob,) = (tmp_path / "run" / "blobs").iterdir()
    blob.chmod(0o600)
    blob.write_bytes(b'"short"')
    refused(LedgerError, ledger, tmp_path / "out")


def test_a_program_that_was_rejected_after_its_score_is_not_attested(tmp_path: Path) -> None:
    rejection = {"program_sha256": "", "iteration": 1, "stage": "verify", "reason": "protocol", "detail": ""}
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *scored(), ("candidate.rejected", PROGRAM, rejection)])
    assert "found one that was not" in refused(UsageError, ledger, tmp_path / "out", PROGRAM).what
    assert "found none on record" in refused(UsageError, ledger, tmp_path / "out").what


def test_a_program_without_a_score_is_not_attested(tmp_path: Path) -> None:
    """`assay exec` verifies, and scores nothing."""
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *scored()[:-1]])
    assert "found none on record" in refused(UsageError, ledger, tmp_path / "out").what


def test_a_scored_program_with_a_gap_in_its_record_ends_it(tmp_path: Path) -> None:
    life = [draft for draft in scored() if draft[0] != "screen.completed"]
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *life])
    error = refused(LedgerError, ledger, tmp_path / "out")
    assert f"program {PROGRAM}: expected one screen.completed, found 0" in error.what


@pytest.mark.parametrize("name", ["../i1-000", ".hidden", "", "a\x1b[31m", "a" * 101])
def test_an_id_that_is_no_file_s_name_is_refused(tmp_path: Path, name: str) -> None:
    ledger = ledger_with(tmp_path / "run", [*run_drafts(), *scored(name)])
    refused(LedgerError, ledger, tmp_path / "out")


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").touch()
    assert "expected a new or empty directory" in refused(UsageError, ledger, out).what
    assert [path.name for path in out.iterdir()] == ["mine"]


def test_a_file_or_a_link_in_the_directory_s_place_is_left_alone(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    for name in ("file", "link"):
        assert "expected a new or empty directory" in refused(UsageError, ledger, tmp_path / name).what
    assert list((tmp_path / "empty").iterdir()) == []


def test_an_empty_directory_is_taken_and_a_missing_parent_made(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    (tmp_path / "empty").mkdir()
    assert isinstance(export(ledger, tmp_path / "empty"), Written)
    assert export(ledger, tmp_path / "deep" / "out").statements == 2


def test_a_directory_that_only_its_owner_sees_stays_so(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    (tmp_path / "out").mkdir(mode=0o700)
    export(ledger, tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


def test_a_disk_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = small_run(tmp_path / "run")

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    export(ledger, tmp_path / "first")  # the key is there
    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refused(UsageError, ledger, tmp_path / "out").what


def test_the_ledger_is_not_written_to(tmp_path: Path) -> None:
    ledger = small_run(tmp_path / "run")
    before = ledger.read_bytes()
    export(ledger, tmp_path / "out")
    assert ledger.read_bytes() == before


def test_programs_are_named_in_the_order_of_the_record(tmp_path: Path) -> None:
    ledger = ledger_with(tmp_path, [*run_drafts(), *scored("b"), *scored("a")])
    assert Gathered(ledger).programs == ("b", "a")
