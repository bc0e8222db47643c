"""The two verifiers agree on what leaves the log too: consistency proofs and cosignatures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger.consistency import check, prove
from orchestrator.ledger.cosignature import CosignerKey, cosigned_by, with_lines
from orchestrator.ledger.note import SignedCheckpoint, parse
from tests.ledger import second_verifier
from tests.ledger.witnessed import cosign_file, make_witness
from tests.ledger.written import create, skipped, small_log


def agree_on_proof(file: Any, held: SignedCheckpoint | None = None) -> bool:
    try:
        check(file, held=held)
        first = True
    except LedgerError:
        first = False
    try:
        second_verifier.consistent(file, held.render() if held else b"")
        second = True
    except (second_verifier.BadError, ValueError):
        second = False
    assert first == second, file
    return first


def agree_on_cosignature(note: bytes, vkey: str) -> bool:
    try:
        found = cosigned_by(parse(note), CosignerKey.parse(vkey))
        first = found.time if found else None
    except LedgerError:
        first = None
    try:
        second = second_verifier.vouches(note, vkey)
    except (second_verifier.BadError, ValueError):
        second = None
    assert first == second, note
    return first is not None


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "ledger.jsonl"
    with create(path) as ledger:
        for number in range(31):
            ledger.append("dpo.skipped", "", skipped(str(number)))
    return path


def test_they_agree_on_every_proof_of_every_size(log: Path) -> None:
    for new in range(1, 34):
        for old in range(1, new + 1):
            assert agree_on_proof(prove(log, old, new).as_json())


def test_they_agree_on_proofs_for_other_sizes_and_with_hashes_lost_doubled_or_swapped(log: Path) -> None:
    good = prove(log, 11, 29).as_json()
    steps = good["proof"]
    for size in range(1, 31):
        assert agree_on_proof({**good, "old_size": size}) is (size == 11)
    for at in range(len(steps)):
        assert not agree_on_proof({**good, "proof": steps[:at] + steps[at + 1 :]})
        assert not agree_on_proof({**good, "proof": [*steps[:at], steps[at], *steps[at:]]})
        assert not agree_on_proof({**good, "proof": [*steps[:at], good["old_root"], *steps[at + 1 :]]})
    assert not agree_on_proof({**good, "proof": steps[::-1]})


def test_they_agree_on_every_changed_character_of_a_proof_file(log: Path) -> None:
    text = json.dumps(prove(log, 6, 9).as_json())
    for at in range(0, len(text)):
        changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        try:
            file = json.loads(changed)
        except ValueError:
            continue
        assert not agree_on_proof(file)


def test_they_agree_on_the_checkpoint_that_was_kept(log: Path) -> None:
    notes = {size: prove(log, 1, size).note for size in (9, 10)}
    file = prove(log, 9, 20).as_json()
    assert agree_on_proof(file, notes[9])
    assert not agree_on_proof(file, notes[10])


def test_they_agree_on_a_cosignature_and_on_every_bit_of_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    witness = make_witness(tmp_path / "w")
    plain = parse((tmp_path / "checkpoint").read_bytes())
    line = cosign_file(path, witness.folder).line
    assert agree_on_cosignature(with_lines(plain, (line,)).render(), str(witness.key))
    assert not agree_on_cosignature(plain.render(), str(witness.key))
    for at in range(8 * len(line[1])):
        data = bytearray(line[1])
        data[at // 8] ^= 1 << at % 8
        note = SignedCheckpoint(checkpoint=plain.checkpoint, signatures=((line[0], bytes(data)),))
        assert not agree_on_cosignature(note.render(), str(witness.key))


def test_they_agree_that_a_log_s_key_is_no_witness_s(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    found = prove(path, 1)
    assert not agree_on_cosignature(found.note.render(), str(found.key))
