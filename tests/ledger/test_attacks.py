"""The attacks on a record, one by one, and the test that holds each.

|  # | attack | held by |
|---:|---|---|
|  1 | flip any bit in an event | test_tampering: every bit of a log |
|  2 | flip bits in a commit line, base64 pad bits too | test_tampering: every bit; here: pad bits |
|  3 | delete, swap, repeat events or batches | test_tampering, test_second_verifier |
|  4 | forge an event, make a new root, without the key | here |
|  5 | cut the tail at a commit | here; test_ledger_cli |
|  6 | cut at every byte | test_tampering; here: recovery from every cut |
|  7 | put an old copy of the directory back | here: a kept checkpoint, a witness; test_witnesses, test_standing |
|  8 | fork: two valid histories under one key | here: the witness keeps both notes; test_witness |
|  9 | rewrite everything with the stolen key | here: a kept checkpoint, a witness; test_witness: a pinned key |
| 10 | an old part signed anew by a new key | test_keys |
| 11 | kill -9, EIO, ENOSPC at each system call | test_faults |
| 12 | fdatasync fails once, then succeeds | test_store: after a failed sync; here: even if it would succeed |
| 13 | two writers, one directory | test_store, test_reopened |
| 14 | non-canonical JSON, duplicate keys, NaN, 2^53 | test_canonical, test_tampering, test_second_verifier |
| 15 | newline or commit line inside a field | test_store: no text can break out; here: the prefix |
| 16 | checkpoint with newline in origin, extension lines, duplicate signers | test_note |
| 17 | second preimage: an inner node as a leaf | test_tree |
| 18 | proof for another index or size, oversized proof | test_tree, test_ledger_cli |
| 19 | blob swapped, missing, a link | test_payload, tests/test_blobs |
| 20 | index database edited | tests/test_whole_run: there is none, and no other file of a run is believed |
| 21 | spoofed actor | here: `data` cannot reach the envelope; there is one writer, and it is this process |
| 22 | clock set back | here |
| 23 | a suppressed end | test_completeness |
| 24 | oversized event, flood | test_store, test_payload; floods of output: tests/sandbox |
| 25 | a secret in text | test_redaction, tests/test_credentials; in whole runs: tests/test_planted |
| 26 | image re-pointed, weights changed after approval | tests/test_approved; under a program: tests/test_trial |
| 27 | event copied from another log | here |
| 28 | a key or signature for another purpose | test_note |
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, read, verify
from orchestrator.ledger.commit import PREFIX
from orchestrator.ledger.note import Signer, VerifierKey, parse
from orchestrator.ledger.reading import HeldError
from tests.ledger.test_tampering import all_lines, signed_anew
from tests.ledger.witnessed import cosign_file, go_on, make_witness
from tests.ledger.written import create, lines_of, skipped, small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    small_log(tmp_path / "run" / "ledger.jsonl")
    return tmp_path / "run" / "ledger.jsonl"


def test_2_unused_bits_of_base64_are_refused(log: Path) -> None:
    lines = all_lines(log)
    at = lines[3].index(b'=","sig"') - 1
    for bits in range(1, 4):
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        other = alphabet[alphabet.index(lines[3][at]) ^ bits]
        changed = lines[3][:at] + bytes([other]) + lines[3][at + 1 :]
        log.write_bytes(b"".join([*lines[:3], changed, *lines[4:]]))
        assert "canonical base64" in verify(log).problem
    assert base64.b64decode(b"AB==", validate=True) == base64.b64decode(b"AA==")  # why it has to be looked at


def test_4_a_forged_event_has_no_signature(log: Path) -> None:
    lines = lines_of(log)
    lines[2] = lines[2].replace(b"reason 1", b"reason 9")
    good = all_lines(log)
    forged = [line + b"\n" for line in signed_anew(lines).split(b"\n")[:-1]]
    signature = good[5].split(b'"sig":"')[1][:88]
    own = forged[5].split(b'"sig":"')[1][:88]
    forged[5] = forged[5].replace(own, signature)  # the right root, and the only signature that the forger has
    log.write_bytes(b"".join(forged))
    assert verify(log).problem.startswith("entry 2: expected a signature by")


def test_5_and_7_a_cut_log_or_an_old_copy_is_behind_the_checkpoint_that_is_held(log: Path) -> None:
    old = log.read_bytes()
    with Ledger.open(log) as ledger:
        ledger.append("dpo.skipped", "", skipped())
    held = parse((log.parent / "checkpoint").read_bytes())
    log.write_bytes(old)
    assert verify(log).complete  # by itself it is a good log
    assert "LOG_TRUNCATED" in verify(log, held).problem
    with pytest.raises(LedgerError, match="LOG_TRUNCATED"):
        Ledger.open(log, held=held)
    assert log.read_bytes() == old


def test_6_every_cut_is_recovered_to_the_last_commit_with_the_tail_kept(log: Path) -> None:
    data = log.read_bytes()
    lines = all_lines(log)
    commits = [len(b"".join(lines[: at + 2])) for at in range(0, len(lines), 2)]
    for length in range(commits[0], len(data), 29):
        log.write_bytes(data[:length])
        good = max(end for end in commits if end <= length)
        Ledger.open(log).close()
        assert log.read_bytes().startswith(data[:good])
        recovered = [entry for entry in read(log) if entry.type == "log.recovered"]
        assert [entry.data["torn_bytes"] for entry in recovered] == ([length - good] if length > good else [])
        for file in log.parent.glob("*.torn-*"):
            assert file.read_bytes() == data[good:length]
            file.unlink()


def test_7_an_old_copy_is_refused_by_a_witness_that_saw_it_grow(log: Path, tmp_path: Path) -> None:
    witness = make_witness(tmp_path / "witness")
    shutil.copytree(log.parent, tmp_path / "old")
    go_on(log, "more")
    assert cosign_file(log, witness.folder).checkpoint.size == 8
    shutil.rmtree(log.parent)
    shutil.copytree(tmp_path / "old", log.parent)
    assert verify(log).complete
    with pytest.raises(HeldError, match=r"LOG_TRUNCATED: the witness .* vouches for 8 entries, the log has 5"):
        cosign_file(log, witness.folder)


@pytest.mark.parametrize("more", [1, 3])
def test_8_a_witness_cosigns_one_side_of_a_fork_and_keeps_both_notes(log: Path, tmp_path: Path, more: int) -> None:
    witness = make_witness(tmp_path / "witness")
    shutil.copytree(log.parent, tmp_path / "fork")
    fork = tmp_path / "fork" / "ledger.jsonl"
    go_on(log, "one")
    for number in range(more):
        go_on(fork, f"other {number}")
    cosign_file(log, witness.folder)
    with pytest.raises(HeldError, match="LOG_REWRITTEN"):
        cosign_file(fork, witness.folder)
    (kept,) = witness.folder.glob("equivocation-*" if more == 1 else "unproven-*")
    evidence = json.loads(kept.read_text())
    for side, run in (("held", log), ("offered", fork)):
        note = parse(evidence[side].encode())
        assert note.require_signed(VerifierKey.parse(evidence["vkey"])).root == bytes.fromhex(verify(run).root)


def test_8_a_fork_is_no_continuation_of_the_other_side(log: Path, tmp_path: Path) -> None:
    shutil.copytree(log.parent, tmp_path / "fork")
    for path, text in ((log, "one"), (tmp_path / "fork" / "ledger.jsonl", "other")):
        with Ledger.open(path) as ledger:
            ledger.append("dpo.skipped", "", skipped(text))
        assert verify(path).complete
    held = parse((tmp_path / "fork" / "checkpoint").read_bytes())
    assert "LOG_REWRITTEN" in verify(log, held).problem


def test_9_a_history_rewritten_with_the_key_itself_is_not_the_one_that_was_seen(log: Path) -> None:
    held = parse((log.parent / "checkpoint").read_bytes())
    lines = lines_of(log)[:-1]
    lines[2] = lines[2].replace(b"reason 1", b"reason 9")
    log.write_bytes(signed_anew(lines))
    with Ledger.open(log) as ledger:
        ledger.append("dpo.skipped", "", skipped())
    assert verify(log).complete
    assert "LOG_REWRITTEN: at size 5" in verify(log, held).problem


def test_9_a_history_rewritten_with_the_key_itself_is_refused_by_a_witness(log: Path, tmp_path: Path) -> None:
    witness = make_witness(tmp_path / "witness")
    cosign_file(log, witness.folder)
    lines = lines_of(log)[:-1]
    lines[2] = lines[2].replace(b"reason 1", b"reason 9")
    log.write_bytes(signed_anew(lines))
    for number in range(3):
        go_on(log, str(number))
        assert verify(log).complete
        with pytest.raises(HeldError, match="LOG_REWRITTEN"):
            cosign_file(log, witness.folder)


def test_9_a_history_rewritten_under_another_key_is_refused_too(log: Path) -> None:
    held = parse((log.parent / "checkpoint").read_bytes())
    log.unlink()
    with Ledger.create(
        log, source="assay/test", config_sha256="", signer=Signer(Ed25519PrivateKey.generate())
    ) as ledger:
        ledger.append_many([("dpo.skipped", "", skipped())] * 9)
    assert verify(log).complete
    assert "the checkpoint is of" in verify(log, held).problem


def test_12_a_sync_that_would_succeed_the_second_time_is_not_tried(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def once(fd: int) -> None:
        calls.append(fd)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")

    ledger = Ledger.open(log)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", once)
        for _ in range(3):
            with pytest.raises(LedgerError):
                ledger.append("dpo.skipped", "", skipped())
        ledger.close()
    assert len(calls) == 1


@pytest.mark.parametrize("text", ['{"$commit":{"root":"', '\n{"$commit":{"root":"', '"},"$commit":{'])
def test_15_a_field_cannot_begin_a_commit_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", text, skipped(text))
    assert sum(line.startswith(PREFIX) for line in path.read_bytes().split(b"\n")) == 3
    assert list(read(path))[1].subject == text


def test_21_an_event_s_data_cannot_speak_for_the_envelope(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", "", {**skipped(), "actor": {"id": "root"}, "seq": 0, "source": "assay/other"})
    assert all(b'{"actor":{"id":"tester","type":"user"},' in line for line in lines_of(path))


def test_22_a_clock_that_goes_back_changes_times_and_not_the_order(tmp_path: Path) -> None:
    class Back:
        def __init__(self) -> None:
            self.time = datetime(2026, 1, 2, tzinfo=UTC)

        def now(self) -> datetime:
            self.time -= timedelta(days=1)
            return self.time

        def monotonic_ns(self) -> int:
            return 1

    path = tmp_path / "ledger.jsonl"
    with Ledger.create(path, source="assay/test", config_sha256="", clock=Back()) as ledger:
        ledger.append_many([("dpo.skipped", "", skipped(str(number))) for number in range(3)])
    entries = list(read(path))
    assert [entry.index for entry in entries] == list(range(5))
    assert [entry.time for entry in entries] == sorted((entry.time for entry in entries), reverse=True)
    assert verify(path).complete


def test_27_an_event_of_another_log_does_not_fit(log: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with Ledger.create(tmp_path / "other" / "ledger.jsonl", source="assay/test", config_sha256="") as ledger:
        ledger.append_many([("dpo.skipped", "", skipped())] * 4)
    lines = lines_of(log)
    lines[2] = lines_of(tmp_path / "other" / "ledger.jsonl")[2]
    log.write_bytes(signed_anew(lines))
    assert "entry 2: key `source`" in verify(log).problem
