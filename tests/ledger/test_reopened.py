"""Taking a ledger up again: verified, locked, a torn tail set aside and named, then appended to."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, read, verify
from tests.ledger.written import create, skipped, small_log

REPOSITORY = Path(__file__).parents[2]
TORN = b'{"actor":{"id":"tester'
OPEN = "import sys; from pathlib import Path; from orchestrator.ledger import Ledger; Ledger.open(Path(sys.argv[1]))"
# What lets root write every file is one capability; without it the owner is held to the file's mode, as anybody is.
AS_A_USER = ["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []


@pytest.fixture
def log(tmp_path: Path) -> Path:
    small_log(tmp_path / "ledger.jsonl")
    return tmp_path / "ledger.jsonl"


def killed(path: Path, *, tail: bytes = b"") -> bytes:
    """Write a log whose process died without closing it, and a tail; return what was acknowledged."""
    ledger = create(path)
    ledger.append("dpo.skipped", "i1-000", skipped())
    ledger._release()
    kept = path.read_bytes()
    path.write_bytes(kept + tail)
    return kept


def types_of(path: Path) -> list[str]:
    return [entry.type for entry in read(path)]


def test_a_closed_log_is_reopened_and_goes_on(log: Path) -> None:
    before = log.read_bytes()
    with Ledger.open(log) as ledger:
        ledger.append("dpo.skipped", "", skipped())
    assert log.read_bytes().startswith(before)
    assert types_of(log)[-4:] == ["log.closed", "log.reopened", "dpo.skipped", "log.closed"]
    assert verify(log).intact


def test_the_log_s_own_source_is_kept(log: Path) -> None:
    first = log.read_bytes().splitlines()[0]
    with Ledger.open(log):
        pass
    source = first.split(b'"source":')[1].split(b",")[0]
    assert all(source in line for line in log.read_bytes().splitlines() if line.startswith(b'{"actor"'))


def test_reopening_says_whether_the_log_had_been_closed(tmp_path: Path) -> None:
    killed(tmp_path / "ledger.jsonl")
    for _ in range(2):
        Ledger.open(tmp_path / "ledger.jsonl").close()
    said = [entry.data["closed"] for entry in read(tmp_path / "ledger.jsonl") if entry.type == "log.reopened"]
    assert said == [False, True]


def test_a_torn_tail_is_kept_beside_named_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    kept = killed(path, tail=TORN)
    with Ledger.open(path):
        pass
    assert path.read_bytes().startswith(kept)
    assert TORN not in path.read_bytes().splitlines()
    recovered = next(entry for entry in read(path) if entry.type == "log.recovered")
    assert recovered.data["torn_bytes"] == len(TORN)
    assert recovered.data["torn_sha256"] == hashlib.sha256(TORN).hexdigest()
    assert (tmp_path / recovered.data["kept"]).read_bytes() == TORN
    assert verify(path).intact


def test_a_tail_that_was_cut_before_a_second_crash_is_recorded_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    killed(path)
    (tmp_path / "ledger.jsonl.torn-0123456789abcdef").write_bytes(TORN)
    for _ in range(2):
        Ledger.open(path).close()
    assert types_of(path).count("log.recovered") == 1


@pytest.mark.parametrize("end", ["run.failed", "run.interrupted"])
def test_a_run_that_was_cut_short_may_end_again(tmp_path: Path, end: str) -> None:
    data = {"run.failed": {"error": "E", "message": "m"}, "run.interrupted": {"signal": "SIGINT"}}[end]
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append(end, "", data)
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        ledger.append(end, "", data)
        with pytest.raises(LedgerError, match="one end of the run"):
            ledger.append(end, "", data)
    assert verify(tmp_path / "ledger.jsonl").intact


def test_a_completed_run_has_no_second_end(tmp_path: Path) -> None:
    done = {"programs": 0, "scored": 0, "best": "", "best_accuracy": "", "seconds": "1"}
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("run.completed", "", done)
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        with pytest.raises(LedgerError, match="one end of the run"):
            ledger.append("run.completed", "", done)
        ledger.append("report.written", "", {"sha256": "0" * 64, "bytes": 1})


def test_what_was_recorded_is_read_back_and_known_by_program(tmp_path: Path) -> None:
    killed(tmp_path / "ledger.jsonl")
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        assert [entry.type for entry in ledger.entries()] == ["log.opened", "dpo.skipped", "log.reopened"]
        assert [entry.index for entry in ledger.history("i1-000")] == [1]
        ledger.append("dpo.skipped", "i1-000", skipped())
        assert [entry.index for entry in ledger.history("i1-000")] == [1, 3]


def test_a_second_process_is_refused_and_told_why(log: Path) -> None:
    with Ledger.open(log):
        before = log.read_bytes()
        other = subprocess.run(
            [sys.executable, "-c", OPEN, str(log)], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert log.read_bytes() == before
    assert other.returncode != 0
    assert f"another process is writing it: number {os.getpid()}" in other.stderr


def test_a_damaged_log_is_not_touched(log: Path) -> None:
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    with pytest.raises(LedgerError, match="entr"):
        Ledger.open(log)
    assert log.read_bytes() == data
    assert [path.name for path in log.parent.iterdir() if "torn" in path.name] == []


@pytest.mark.parametrize("content", [b"", TORN])
def test_a_log_without_its_first_entry_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(content)
    with pytest.raises(LedgerError, match="entry 0"):
        Ledger.open(tmp_path / "ledger.jsonl")


def test_a_missing_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file"):
        Ledger.open(tmp_path / "ledger.jsonl")


def test_a_refused_log_is_unlocked_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"")
    with pytest.raises(LedgerError):
        Ledger.open(path)
    path.unlink()
    with create(path):
        pass


def test_a_read_only_ledger_is_named(log: Path) -> None:
    log.chmod(0o400)
    before = log.read_bytes()
    other = subprocess.run(
        [*AS_A_USER, sys.executable, "-c", OPEN, str(log)], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert "LedgerError" in other.stderr
    assert "cannot be opened for writing: Permission denied" in other.stderr
    assert log.read_bytes() == before


def test_whole_events_of_a_torn_tail_are_cut_too_and_their_places_used_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append_many([("dpo.skipped", "", skipped(str(number))) for number in range(5)])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))
    with Ledger.open(path) as ledger:
        assert ledger.append("dpo.skipped", "", skipped()).index == 3
    assert types_of(path) == ["log.opened", "log.recovered", "log.reopened", "dpo.skipped", "log.closed"]
