"""What lies in a folder that others filled is opened only if it is a file: nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.attest.gather import Gathered
from orchestrator.blobs import BlobError, BlobStore
from orchestrator.errors import LedgerError
from orchestrator.ledger.note import parse
from orchestrator.ledger.remembered import place_of, recall
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witnesses import put_cosigned
from orchestrator.ledger_cli import _beside
from orchestrator.regular import open_regular, read_regular
from tests.ledger.witnessed import Log, ask, make_witness
from tests.ledger.written import small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    return path


def piped(path: Path) -> Path:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular(tmp_path / "file", 3) == b"123"


def test_nothing_but_a_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for path in (piped(tmp_path / "pipe"), tmp_path / "link", tmp_path, tmp_path / "none", Path("/dev/null")):
        with pytest.raises(OSError, match=r"not a regular file|No such file|symbolic links"):
            open_regular(path)


def test_a_pipe_as_the_checkpoint_beside_a_log_counts_for_nothing(log: Path) -> None:
    note = parse((log.parent / "checkpoint").read_bytes())
    piped(log.parent / "checkpoint")
    assert _beside(log) is None
    assert Gathered(log).origin == note.checkpoint.origin
    assert put_cosigned(log, note, []) == note
    assert _beside(log) == note


def test_a_pipe_in_what_a_witness_holds_is_damage(tmp_path: Path) -> None:
    witness, log = make_witness(tmp_path / "w"), Log(5)
    ask(witness, log)
    piped(next((tmp_path / "w" / "logs").iterdir()))
    assert ask(witness, log).status == 500
    piped(tmp_path / "w" / "witness.json").unlink()
    (tmp_path / "w" / "witness.json").mkdir()
    with pytest.raises(Exception, match="found none"):
        Witness(tmp_path / "w")


def test_a_pipe_in_memory_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HELD", str(tmp_path))
    log = Log(1)
    piped(place_of(log.key))
    with pytest.raises(LedgerError, match=r"not a regular file"):
        recall(log.key)


def test_a_pipe_as_a_blob_is_no_blob(tmp_path: Path) -> None:
    piped(tmp_path / ("0" * 64))
    with pytest.raises(BlobError):
        BlobStore(tmp_path).read("0" * 64)
