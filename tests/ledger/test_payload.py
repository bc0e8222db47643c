"""Large values: blobs by digest in the file, whole again for readers, refused where they were changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.errors import LedgerError
from orchestrator.ledger import payload, read, verify
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.entry import MAX_LINE_BYTES
from tests.ledger import second_verifier
from tests.ledger.test_tampering import signed_anew
from tests.ledger.written import create, lines_of, skipped

LARGE = "\u00e9x" * 20_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        written = ledger.append("dpo.skipped", "i1-000", skipped(LARGE))
        assert written.data == skipped(LARGE)
        assert ledger.history("i1-000") == (written,)
    return path


def blob_of(log: Path) -> Path:
    return next((log.parent / "blobs").iterdir())


def test_a_large_value_is_named_by_digest_and_read_back_whole(log: Path) -> None:
    assert all(len(line) < MAX_LINE_BYTES for line in lines_of(log))
    assert list(read(log))[1].data == skipped(LARGE)
    assert blob_of(log).name.encode() in log.read_bytes()


def test_a_blob_that_was_changed_is_found(log: Path) -> None:
    blob_of(log).chmod(0o600)
    blob_of(log).write_bytes(b'"short"')
    with pytest.raises(LedgerError, match="blob"):
        list(read(log))


def test_a_blob_that_is_gone_is_named_and_the_log_still_verifies(log: Path) -> None:
    name = blob_of(log).name
    blob_of(log).unlink()
    assert verify(log).complete
    with pytest.raises(LedgerError, match=name):
        list(read(log))


def test_a_link_in_the_place_of_a_blob_is_not_followed(log: Path, tmp_path: Path) -> None:
    blob = blob_of(log)
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError, match="blob"):
        list(read(log))


def test_only_as_much_is_moved_as_must_be(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", "", {**skipped("short"), "more": ["y" * 100] * 300, "few": {"a": "z" * 90}})
    assert b'"why":"short"' in path.read_bytes()
    assert b'"few":{"a"' in path.read_bytes()
    assert b'"more":[]' in path.read_bytes()


def test_a_value_without_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_PAYLOAD_BYTES", 30_000)
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError, match="at most 30000 bytes"):
        ledger.append("dpo.skipped", "", skipped(LARGE))


def test_nobody_else_may_write_the_key(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError, match="`moved`"):
        ledger.append("dpo.skipped", "", {**skipped(), "moved": {}})


MOVED = {"bytes": 9, "sha256": "a" * 64}


@pytest.mark.parametrize(
    "said",
    [
        {"moved": []},
        {"moved": {"why": {}}},
        {"moved": {"why": 5}},
        {"moved": {"why": {"bytes": 9, "sha256": "../../../../etc/passwd"}}},
        {"moved": {"why": {"bytes": 9, "sha256": 5}}},
        {"moved": {"why": {"bytes": 0, "sha256": "a" * 64}}},
        {"moved": {"why": {"bytes": True, "sha256": "a" * 64}}},
        {"moved": {"why": {**MOVED, "more": 1}}},
        {"moved": {"why": MOVED, "another": MOVED}},
        {"moved": {"iteration": MOVED}},
        {"why": "not empty", "moved": {"why": MOVED}},
        {"x": [], "moved": {"why": {**MOVED, "bytes": 2**24}, "x": MOVED}},
    ],
)
def test_other_words_about_moved_values_are_refused_by_both_verifiers(log: Path, said: dict[str, object]) -> None:
    lines = lines_of(log)
    event = json.loads(lines[1])
    lines[1] = canonical({**event, "data": {**skipped(""), **said}})
    log.write_bytes(signed_anew(lines))
    assert verify(log).bad_index == 1
    assert second_verifier.verify(log.read_bytes(), b"")[2] == 1


def test_a_moved_value_of_another_kind_or_length_is_no_value(log: Path) -> None:
    lines = lines_of(log)
    event = json.loads(lines[1])
    for value, length in ((b'[["a"]]', 7), (b'"a"', 4)):
        digest = BlobStore(log.parent / "blobs").put_bytes(value)
        moved = {"why": {"bytes": length, "sha256": digest}}
        lines[1] = canonical({**event, "data": {**skipped(""), "moved": moved}})
        log.write_bytes(signed_anew(lines[:2]))
        assert verify(log).intact
        with pytest.raises(LedgerError, match=r"entry 1: .*(expected text|expected 4 bytes)"):
            list(read(log))


def test_what_is_moved_from_one_event_is_bounded_together(tmp_path: Path) -> None:
    half = "x" * (payload.MAX_PAYLOAD_BYTES // 2)
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError, match="at most 16777216 bytes"):
        ledger.append("dpo.skipped", "", {**skipped(half), "more": half})
