"""Large values: blobs by digest in the file, whole again for readers, refused where they were changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import payload, read, verify
from orchestrator.ledger.entry import MAX_LINE_BYTES
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
