"""kill -9, EIO and ENOSPC at every system call of the writer that touches a file: what was acknowledged stays.

strace injects the fault at the n-th call, for every n until the writer runs to its end. Afterwards the log is
opened again: every acknowledged event is there with its hash, nothing but a tail was cut, and that is said.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger, read, verify
from tests.ledger.killed_writer import FAILED

ROOT = Path(__file__).resolve().parents[2]
STRACE = shutil.which("strace")
TORN = b'{"actor":{"id":"uid:0"'
FAULTS = {"kill": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
CALLS = {
    "create": ("write", "fdatasync", "fsync", "openat", "flock"),
    "open": ("write", "fdatasync", "fsync", "ftruncate", "rename", "flock"),
}
# With no argument to tell files apart, the calls of one descriptor are chosen by their path (strace -P).
CASES = [(mode, call, fault) for mode, calls in CALLS.items() for call in calls for fault in FAULTS]
MOST = 40  # injections of one kind; fewer are enough to come to the writer's end


def works() -> bool:
    if STRACE is None:
        return False
    return subprocess.run([STRACE, "-qq", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def tracing() -> str:
    if not works():
        pytest.skip("strace is not installed or may not trace (Debian: apt-get install strace)")
    assert STRACE
    return STRACE


@pytest.mark.parametrize(("mode", "call", "fault"), CASES)
def test_what_was_acknowledged_survives_a_fault(tracing: str, tmp_path: Path, mode: str, call: str, fault: str) -> None:
    for number in range(1, MOST):
        run_dir = tmp_path / str(number)
        run_dir.mkdir()
        path = run_dir / "ledger.jsonl"
        before = prepared(path) if mode == "open" else []
        code, said = injected(tracing, path, mode, call, f"{FAULTS[fault]}:when={number}")
        require_kept(path, [*before, *acknowledged(said)])
        if code == 0 and "closed" in said:
            assert number > 1, f"expected the writer to call {call}, and the fault to be seen"
            break
        assert code in (FAILED, -9, 137), (code, said)
    else:
        pytest.fail(f"expected the writer to come to its end after fewer than {MOST} injections")


def prepared(path: Path) -> list[tuple[int, str]]:
    """Leave a log whose writer was killed inside a write; return what it had acknowledged."""
    ledger = Ledger.create(path, source="assay/killed", config_sha256="")
    entry = ledger.append("dpo.skipped", "", {"iteration": 1, "pairs": 0, "why": "before"})
    ledger._release()
    with path.open("ab") as file:
        file.write(TORN)
    return [(entry.index, entry.hash)]


def injected(tracing: str, path: Path, mode: str, call: str, what: str) -> tuple[int, str]:
    """Run the writer with a fault at one of its calls on files of the run directory."""
    places = [path, path.parent, *(path.with_name(path.name + end) for end in TORN_NAMES)]
    command = [tracing, "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:{what}"]
    for place in places:
        command += ["-P", str(place)]
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.ledger.killed_writer", str(path), mode],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def _torn_names() -> tuple[str, ...]:
    import hashlib

    name = f".torn-{hashlib.sha256(TORN).hexdigest()[:16]}"
    return name, f"{name}.part"


TORN_NAMES = _torn_names()


def acknowledged(said: str) -> list[tuple[int, str]]:
    return [(int(index), digest) for index, digest in re.findall(r"^ack (\d+) ([0-9a-f]{64})$", said, re.MULTILINE)]


def require_kept(path: Path, expected: list[tuple[int, str]]) -> None:
    """Open the log again and look for everything that was acknowledged."""
    if not path.exists() or not path.read_bytes():
        assert expected == []
        return
    if not path.read_bytes().startswith(b"{") or b'{"$commit"' not in path.read_bytes():
        assert expected == []
        with pytest.raises(LedgerError, match="entry 0"):
            Ledger.open(path)
        return
    Ledger.open(path).close()
    found = {entry.index: entry.hash for entry in read(path)}
    assert expected == [(index, found.get(index)) for index, _ in expected]
    result = verify(path)
    assert result.complete, (result.problem, result.missing)
    torn = [file.read_bytes() for file in path.parent.glob("*.torn-*") if not file.name.endswith(".part")]
    recorded = [entry.data["torn_bytes"] for entry in read(path) if entry.type == "log.recovered"]
    assert sorted(recorded) == sorted(len(data) for data in torn)


def test_a_writer_that_nobody_disturbs_comes_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.killed_writer", str(path), "create"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(acknowledged(done.stdout)) == 12
    require_kept(path, acknowledged(done.stdout))
