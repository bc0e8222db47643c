"""Consistency proofs as files: whoever kept an old checkpoint needs no log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.consistency import check, prove
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey, parse, signed_by
from orchestrator.ledger.reading import HeldError
from orchestrator.ledger.witness_protocol import parse_request
from tests.ledger.witnessed import go_on
from tests.ledger.written import create, life, small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    small_log(tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


def kept(log: Path) -> SignedCheckpoint:
    return parse((log.parent / "checkpoint").read_bytes())


def as_file(log: Path, old: int | SignedCheckpoint, new: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(prove(log, old, new).as_json()))
    return found


def test_every_old_size_is_proved_to_every_later_one(log: Path) -> None:
    for new in range(1, 6):  # every event of this log has a commit of its own
        for old in range(1, new + 1):
            found = check(as_file(log, old, new))
            assert (found.old_size, found.note.checkpoint.size) == (old, new)


def test_a_checkpoint_that_was_kept_is_proved_and_checked_against(log: Path) -> None:
    held = kept(log)
    go_on(log, "more")
    file = as_file(log, held)
    assert check(file, held=held).note == kept(log)


def test_another_history_has_no_proof_from_a_checkpoint_that_was_kept(log: Path) -> None:
    old = log.read_bytes()
    go_on(log, "one")
    held = kept(log)
    log.write_bytes(old)
    go_on(log, "other")
    with pytest.raises(HeldError, match="LOG_REWRITTEN"):
        prove(log, held)
    with pytest.raises(HeldError, match="expected a proof from size"):
        check(as_file(log, 7), held=held)


def test_a_shorter_log_has_no_proof(log: Path) -> None:
    old = log.read_bytes()
    go_on(log, "one")
    held = kept(log)
    log.write_bytes(old)
    with pytest.raises(HeldError, match="LOG_TRUNCATED"):
        prove(log, held)


@pytest.mark.parametrize(("old", "new"), [(0, None), (6, None), (5, 4), (1, 9)])
def test_sizes_that_are_not_there_are_refused(log: Path, old: int, new: int | None) -> None:
    with pytest.raises(LedgerError):
        prove(log, old, new)


def test_a_size_within_a_batch_was_never_signed(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append_many(life())
    with pytest.raises(LedgerError, match="at which the log was signed, found 4") as caught:
        prove(tmp_path / "ledger.jsonl", 1, 4)
    assert "take 9" in caught.value.remedy


@pytest.mark.parametrize("size", [1, 3, 5])
def test_changing_any_part_breaks_it(log: Path, size: int) -> None:
    go_on(log, "more")
    good = as_file(log, size)
    other = as_file(log, 2)
    check(good)
    wrong: list[object] = [[], None, "x", {**good, "more": 1}, {**good, "format": "assay-consistency/2"}]
    wrong += [{key: value for key, value in good.items() if key != name} for name in good]
    wrong += [{**good, "old_size": value} for value in (0, -1, True, 1.0, "1", 2**60, size + 1)]
    wrong += [{**good, "old_root": value} for value in ("", "x", other["old_root"], None)]
    wrong += [{**good, "proof": value} for value in (good["proof"][:-1], [*good["proof"], good["old_root"]], [1], "x")]
    wrong += [{**good, "checkpoint": good["checkpoint"].replace("\n8\n", "\n7\n")}, {**good, "vkey": "x"}]
    for bad in wrong:
        with pytest.raises(LedgerError):
            check(bad)


def test_a_proof_spans_a_rotation_and_names_the_later_key(log: Path) -> None:
    held = kept(log)
    keys.rotate()
    go_on(log, "more")
    found = check(as_file(log, held), held=held)
    assert found.key.public == keys.current().public
    with pytest.raises(LedgerError, match="expected the key"):
        check(as_file(log, held), key=VerifierKey(name=held.checkpoint.origin, public=bytes(32)))


def test_a_signature_by_a_key_of_another_name_is_not_the_log_s(log: Path) -> None:
    good = as_file(log, 3)
    key = keys.current().key("assay/other")
    note = signed_by(
        parse(good["checkpoint"].encode()).checkpoint, key, keys.current().sign(kept(log).checkpoint.text())
    )
    with pytest.raises(LedgerError, match="expected a key of assay/test"):
        check({**good, "vkey": str(key), "checkpoint": note.render().decode()})


def test_the_c2sp_form_is_what_a_witness_takes(log: Path) -> None:
    found = prove(log, 3)
    request = parse_request(found.as_request())
    assert (request.old, request.proof, parse(request.note)) == (3, found.proof, found.note)


def test_a_damaged_log_proves_nothing(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"reason 1", b"reason 9"))
    with pytest.raises(LedgerError, match="expected the root"):
        prove(log, 1)
