"""The file: durable, one writer, and nothing after a failed write."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, read, verify
from orchestrator.ledger.line import ulid
from orchestrator.ledger.tree import root_of
from tests.ledger.written import SOURCE, create, sha, skipped, small_log

REPOSITORY = Path(__file__).parents[2]


def test_entries_read_back_as_they_were_returned(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        written = ledger.append_many([("dpo.skipped", "i1-000", skipped(str(n))) for n in range(5)])
    assert list(read(path))[1:6] == list(written)


def test_the_same_events_give_the_same_bytes(tmp_path: Path) -> None:
    assert small_log(tmp_path / "a") == small_log(tmp_path / "b")


def test_what_was_appended_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        for number in range(3):
            entry = ledger.append("dpo.skipped", "", skipped(str(number)))
            result = verify(tmp_path / "ledger.jsonl")
            assert (result.root, result.size) == (ledger.root, entry.index + 1)


def test_the_first_entry_opens_and_the_last_closes_the_log(tmp_path: Path) -> None:
    small_log(tmp_path / "ledger.jsonl", events=1)
    first, middle, last = read(tmp_path / "ledger.jsonl")
    assert (first.type, last.type) == ("log.opened", "log.closed")
    assert first.data["config_sha256"] == sha("config")
    assert last.data == {"size": 2, "root": root_of(bytes.fromhex(entry.hash) for entry in (first, middle)).hex()}


def test_the_file_belongs_to_its_user_alone(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl"):
        assert stat.S_IMODE((tmp_path / "ledger.jsonl").stat().st_mode) == 0o600


def test_a_refused_event_writes_nothing_and_the_ledger_goes_on(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        with pytest.raises(LedgerError, match="missing key"):
            ledger.append_many([("dpo.skipped", "", skipped()), ("dpo.skipped", "", {})])
        assert ledger.size == 1
        ledger.append("dpo.skipped", "", skipped())
    assert [entry.type for entry in read(tmp_path / "ledger.jsonl")] == ["log.opened", "dpo.skipped", "log.closed"]


@pytest.mark.parametrize("value", [0.5, 2**53, float("nan"), "\ud800", b"x", {"é": 1}])
def test_a_value_that_is_not_canonical_is_refused_at_append(tmp_path: Path, value: object) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger, pytest.raises(LedgerError):
        ledger.append("dpo.skipped", "", {**skipped(), "more": value})
    assert verify(tmp_path / "ledger.jsonl").size == 2


def test_an_event_with_a_large_subject_is_refused(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        with pytest.raises(LedgerError, match="at most 16383 bytes") as caught:
            ledger.append("dpo.skipped", "x" * 16_384, skipped())
        assert "blob store" in caught.value.remedy


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_text_can_break_out_of_its_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("log") / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append("dpo.skipped", text, skipped(text + '\n{"type":"run.completed"}\n'))
    assert path.read_bytes().count(b"\n") == 6
    assert list(read(path))[1].subject == text


def test_a_run_ends_once(tmp_path: Path) -> None:
    with create(tmp_path / "ledger.jsonl") as ledger:
        ledger.append("run.interrupted", "", {"signal": "SIGINT"})
        with pytest.raises(LedgerError, match="one end of the run"):
            ledger.append("run.interrupted", "", {"signal": "SIGTERM"})


def test_a_closed_ledger_takes_nothing(tmp_path: Path) -> None:
    ledger = create(tmp_path / "ledger.jsonl")
    ledger.close()
    ledger.close()
    with pytest.raises((LedgerError, RuntimeError)):
        ledger.append("dpo.skipped", "", skipped())


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    before = small_log(tmp_path / "ledger.jsonl")
    with pytest.raises(LedgerError, match="exists already"):
        create(tmp_path / "ledger.jsonl")
    assert (tmp_path / "ledger.jsonl").read_bytes() == before


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LedgerError):
        create(tmp_path / "ledger.jsonl")
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="No such file or directory"):
        create(tmp_path / "none" / "ledger.jsonl")


def test_a_second_process_is_refused_and_told_why(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    script = (
        "import sys; from pathlib import Path; from orchestrator.ledger import Ledger\n"
        "Ledger.create(Path(sys.argv[1]), source='assay/other', config_sha256='')"
    )
    with create(path):
        other = subprocess.run(
            [sys.executable, "-c", script, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
    assert other.returncode != 0
    assert "another process is writing it" in other.stderr
    assert verify(path).intact


def test_eight_threads_lose_nothing_and_keep_their_own_order(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:

        def work(name: str) -> None:
            for number in range(20):
                entry = ledger.append("dpo.skipped", name, skipped(str(number)))
                assert entry.data["why"] == str(number)

        threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    entries = list(read(path))
    assert len(entries) == 8 * 20 + 2
    for number in range(8):
        own = [entry.data["why"] for entry in entries if entry.subject == f"t{number}"]
        assert own == [str(count) for count in range(20)]


def test_after_a_full_disk_nothing_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with file_size_limit_after(create(path), path) as ledger:
        before = (ledger.size, ledger.root)
        with pytest.raises(LedgerError, match="cannot be written") as caught:
            ledger.append("dpo.skipped", "", skipped("x" * 8000))
        assert "disk" in caught.value.remedy
    size = path.stat().st_size
    with pytest.raises(LedgerError, match="nothing more is written"):
        ledger.append("dpo.skipped", "", skipped())
    assert (ledger.size, ledger.root) == before
    ledger.close()
    assert path.stat().st_size == size
    result = verify(path)
    assert (result.size, result.root) == before


class file_size_limit_after:  # noqa: N801 - reads as a function
    """Let the kernel refuse writes beyond the file's present size and a few bytes: the start of a full disk."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        self._ledger = ledger
        self._room = path.stat().st_size + 10

    def __enter__(self) -> Ledger:
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._room, self._limits[1]))
        return self._ledger

    def __exit__(self, *exc: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        signal.signal(signal.SIGXFSZ, self._handler)


def test_after_a_failed_sync_nothing_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = create(tmp_path / "ledger.jsonl")

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(LedgerError, match="Input/output error"):
            ledger.append("dpo.skipped", "", skipped())
    with pytest.raises(LedgerError, match="nothing more is written"):
        ledger.append("dpo.skipped", "", skipped())
    ledger.close()


def test_an_interrupt_while_appending_leaves_a_good_log(tmp_path: Path) -> None:
    """Ctrl-C is raised in the main thread: what it cuts off is the wait, never the write."""
    path = tmp_path / "ledger.jsonl"
    ledger = create(path)
    stop = threading.Event()

    def interrupt() -> None:
        while not stop.wait(0.002):
            signal.raise_signal(signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    caught = 0
    timer = threading.Thread(target=interrupt)
    handler = signal.signal(signal.SIGINT, _raise)
    timer.start()
    try:
        while caught < 50:
            try:
                ledger.append("dpo.skipped", "", skipped())
            except InterruptError:
                caught += 1
    finally:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        timer.join()
        signal.signal(signal.SIGINT, handler)
    ledger.append("run.interrupted", "", {"signal": "SIGINT"})
    ledger.close()
    assert verify(path).intact
    assert verify(path).closed


class InterruptError(Exception):
    """Stands for KeyboardInterrupt, which would end pytest."""


def _raise(number: int, frame: object) -> None:
    raise InterruptError


def test_ids_sort_by_time_and_hold_the_randomness() -> None:
    early, late = ulid(1, b"\xff" * 10), ulid(2, b"\x00" * 10)
    assert early < late
    assert len(early) == 26
    assert ulid(0, bytes(10)) == "0" * 26


def test_times_are_utc_whatever_the_clock_s_zone(tmp_path: Path) -> None:
    class Zoned:
        def now(self) -> datetime:
            return datetime.fromisoformat("2026-01-01T00:30:00+02:00")

        def monotonic_ns(self) -> int:
            return 1

    with Ledger.create(tmp_path / "l", source=SOURCE, config_sha256="", clock=Zoned()):
        pass
    entry = next(iter(read(tmp_path / "l")))
    assert entry.time == "2025-12-31T22:30:00.000000Z"
    assert datetime.fromisoformat(entry.time).tzinfo == UTC
