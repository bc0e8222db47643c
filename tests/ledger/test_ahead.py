"""Checking ahead in other processes: the verdict is the one of whoever reads alone, whatever they vouch for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.ledger import ahead, verify
from orchestrator.ledger.commit import Raw, Vouched, Voucher, vouched_for
from orchestrator.ledger.entry import Place
from orchestrator.ledger.keys import rotate
from tests.commands import ROOT
from tests.ledger.written import create, skipped, small_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Batches of one and of several events, two keys."""
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        ledger.append_many([("dpo.skipped", "", skipped(f"reason {number}")) for number in range(3)])
        ledger.rotate(rotate())
        ledger.append("dpo.skipped", "", skipped())
        ledger.append_many([("dpo.skipped", "", skipped(f"reason {number}")) for number in range(2)])
    return path


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every log worth it, and every batch a group."""
    monkeypatch.setattr(ahead, "_WORTH_BYTES", 0)
    monkeypatch.setattr(ahead, "_GROUP_BYTES", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def here(raws: Iterator[Raw], place: Place) -> Iterator[tuple[Raw, Vouched]]:
    """Vouch as the other processes do, in this one."""
    for raw in raws:
        yield raw, vouched_for(raw, place.source, place.key)


def test_something_is_vouched_for(log: Path) -> None:
    seen: list[Vouched] = []

    def watched(raws: Iterator[Raw], place: Place) -> Iterator[tuple[Raw, Vouched]]:
        for raw, vouched in here(raws, place):
            seen.append(vouched)
            yield raw, vouched

    assert verify(log, None, watched).complete
    assert [len(vouched.types) for vouched in seen[1:]] == [3, 1, 1, 2, 1]
    assert all(vouched.key for vouched in seen[1:])


def test_every_flipped_bit_gets_the_same_verdict(tmp_path: Path) -> None:
    data = small_log(tmp_path / "ledger.jsonl", events=1)
    with (tmp_path / "ledger.jsonl").open("r+b", buffering=0) as file:
        for position, byte in enumerate(data):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), position)
                alone = verify(tmp_path / "ledger.jsonl")
                assert alone.problem
                assert verify(tmp_path / "ledger.jsonl", None, here) == alone, (position, bit)
            os.pwrite(file.fileno(), bytes([byte]), position)


def test_every_cut_gets_the_same_verdict(log: Path) -> None:
    data = log.read_bytes()
    for size in range(len(data)):
        log.write_bytes(data[:size])
        assert verify(log, None, here) == verify(log), size


def test_lines_in_another_order_get_the_same_verdict(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    for place in range(len(lines) - 1):
        changed = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        log.write_bytes(b"".join(changed))
        alone = verify(log)
        assert alone.problem
        assert verify(log, None, here) == alone, place


@pytest.mark.usefixtures("at_once")
def test_other_processes_give_the_same_verdict(log: Path) -> None:
    data = log.read_bytes()
    assert verify(log, None, _several(log)) == verify(log)
    assert verify(log).complete
    for at in (len(data) // 3, len(data) * 2 // 3, len(data) - 9):
        log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert verify(log, None, _several(log)) == verify(log)
        assert verify(log).problem


@pytest.mark.usefixtures("at_once")
def test_when_the_other_processes_are_killed_the_reader_goes_on_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with create(path) as ledger:
        for _ in range(300):
            ledger.append_many([("dpo.skipped", "", skipped())] * 20)
    killed: list[int] = []
    thread = threading.Thread(target=lambda: killed.extend(_kill_children()))
    thread.start()
    found = verify(path, None, _several(path))
    thread.join()
    assert killed
    assert found == verify(path)
    assert found.complete


def test_nothing_of_the_working_directory_runs(log: Path, tmp_path: Path) -> None:
    """In a process of its own: the helper that watches over resources is started once in each."""
    for module in ("multiprocessing", "orchestrator", "orjson", "signal"):
        (tmp_path / "strange" / module).mkdir(parents=True)
        (tmp_path / "strange" / module / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom orchestrator.ledger import ahead, verify\n"
        "if __name__ == '__main__':\n"
        "    ahead._WORTH_BYTES, os.sched_getaffinity = 0, lambda _: {0, 1}\n"
        "    os.chdir(sys.argv[2])\n"
        "    assert verify(Path(sys.argv[1]), None, ahead.for_file(Path(sys.argv[1]))).complete\n"
        "    assert 'PYTHONSAFEPATH' not in os.environ\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, script, log, tmp_path / "strange"], check=True, env=environment)
    assert not (tmp_path / "ran").exists()


def test_a_short_log_is_read_alone(log: Path) -> None:
    assert ahead.for_file(log) is ahead.nobody


def _several(path: Path) -> Voucher:
    voucher = ahead.for_file(path)
    assert voucher is not ahead.nobody
    return voucher


def _kill_children() -> list[int]:
    """Kill the processes that vouch, as soon as there are any."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := [pid for pid in _children() if b"spawn_main" in _command(pid)]:
            for pid in found:
                os.kill(pid, signal.SIGKILL)
            return found
        time.sleep(0.01)
    return []


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""
