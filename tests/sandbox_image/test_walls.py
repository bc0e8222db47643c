"""The second wall on this kernel, in processes of their own: each line of what it forbids, and what stays possible."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox_image import walls

ROOT = Path(__file__).resolve().parents[2]
PROLOGUE = """
import ctypes, os, signal, socket, sys, threading, time
from sandbox_image import walls
libc = ctypes.CDLL(None, use_errno=True)
with open({kept!r}, "wb", buffering=0) as kept:
    pass
parent = os.getppid()
kept = os.open({kept!r}, os.O_WRONLY)
"""
EPILOGUE = """
def attempt():
{attempt}
try:
    result = attempt()
except OSError as error:
    print("refused", error.errno)
else:
    print("got", result)
"""
EPERM, EACCES, ENOSYS = 1, 13, 38


def behind(attempt: str, tmp_path: Path, *, seal: float = 30.0, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run `attempt` (the body of a function) behind the wall, in a Python of its own."""
    body = "\n".join("    " + line for line in attempt.splitlines())
    source = PROLOGUE.format(kept=str(tmp_path / "kept")) + before
    source += f"\nprint(walls.put_up(), flush=True)\nwalls.seal({seal})\n" + EPILOGUE.format(attempt=body)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def checked(name: str) -> str:
    """Python that makes a system call by its number and raises what it answers."""
    return (
        "from policies.filters import system_calls\n"
        f"if libc.syscall(system_calls(os.uname().machine)[{name!r}], *[ctypes.c_long(0)] * 6) < 0:\n"
        "    raise OSError(ctypes.get_errno(), '')"
    )


@pytest.mark.parametrize(
    ("attempt", "errno"),
    [
        ("os.execv('/bin/true', ['true'])", EPERM),
        ("os.fork()", EPERM),
        ("os.posix_spawn('/bin/true', ['true'], {})", EPERM),
        ("socket.socket(socket.AF_UNIX)", EPERM),
        ("socket.socket(socket.AF_INET)", EPERM),
        ("open('/tmp/assay-wall', 'w')", EPERM),
        ("os.open('/tmp', os.O_TMPFILE | os.O_RDWR)", EPERM),
        ("os.open('/dev/null', os.O_RDWR)", EPERM),
        ("open('/etc/passwd')", EACCES),
        ("open('/proc/self/maps')", EACCES),
        ("open(f'/proc/{parent}/mem', 'rb')", EACCES),
        ("os.listdir('/')", EACCES),
        ("os.listdir('/proc')", EACCES),
        ("os.kill(parent, 0)", EPERM),
        ("os.kill(-1, signal.SIGKILL)", EPERM),
        ("os.mkdir('/tmp/assay-wall')", EPERM),
        ("os.unlink('/tmp/assay-wall')", EPERM),
        ("os.rename('/tmp/a', '/tmp/b')", EPERM),
        ("os.truncate('/tmp/a', 0)", EPERM),
        ("os.chmod('/tmp', 0)", EPERM),
        ("os.pipe()", EPERM),
        ("os.memfd_create('x')", EPERM),
        ("signal.setitimer(signal.ITIMER_REAL, 1)", EPERM),
        ("os.setsid()", EPERM),
        ("os.sched_setaffinity(0, {0})", EPERM),
        (checked("setrlimit"), EPERM),
        ("walls._prctl(4, 1)", None),
        (checked("seccomp"), EPERM),
        (checked("timer_create"), EPERM),
        (checked("timer_settime"), EPERM),
        (checked("timer_delete"), EPERM),
        (checked("landlock_restrict_self"), EPERM),
        (checked("clone3"), ENOSYS),
        (checked("process_vm_readv"), EPERM),
        (checked("ptrace"), EPERM),
        (checked("io_uring_setup"), EPERM),
    ],
    ids=lambda value: value.splitlines()[-1] if isinstance(value, str) else "",
)
def test_what_is_forbidden_is_refused(attempt: str, errno: int | None, tmp_path: Path) -> None:
    if errno == EACCES and not walls._landlock_version():
        pytest.skip("this kernel has no Landlock: Linux 5.13 or later, with `lsm=landlock`")
    done = behind(attempt, tmp_path)
    if errno is None:
        assert "WallError" in done.stderr
    else:
        assert done.stdout.splitlines()[1:] == [f"refused {errno}"], done.stderr


@pytest.mark.parametrize(
    ("attempt", "result"),
    [
        ("return os.write(kept, b'four')", "4"),
        ("return os.pwrite(kept, b'four', 100)", "4"),
        ("import json.tool\nreturn 'imported'", "imported"),
        (
            "said = []\nthread = threading.Thread(target=said.append, args=('thread',))\nthread.start()\n"
            "thread.join()\nreturn said[0]",
            "thread",
        ),
        ("return len(os.urandom(8))", "8"),
        ("return os.kill(os.getpid(), 0)", "None"),
        ("return time.sleep(0.01)", "None"),
    ],
)
def test_what_a_program_needs_stays_possible(attempt: str, result: str, tmp_path: Path) -> None:
    done = behind(attempt, tmp_path)
    assert done.stdout.splitlines()[1:] == [f"got {result}"], done.stderr


def test_both_parts_stand_and_are_named(tmp_path: Path) -> None:
    standing = behind("return 1", tmp_path).stdout.splitlines()[0].split(",")
    assert standing[-1] == "inner-seccomp"
    assert all(part.startswith("landlock-") for part in standing[:-1])


def test_the_seal_ends_a_process_that_blocks_every_signal(tmp_path: Path) -> None:
    attempt = (
        "signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})\n"
        "time.sleep(50)"
    )
    begun = time.monotonic()
    done = behind(attempt, tmp_path, seal=0.5)
    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - begun < 10


def test_a_second_thread_is_no_way_around_it(tmp_path: Path) -> None:
    """Landlock binds the calling thread only: with others about, nothing is put up."""
    before = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
    done = behind("return 1", tmp_path, before=before)
    assert done.returncode == 1
    assert "expected one thread" in done.stderr


def test_the_wall_is_left_out_only_on_an_explicit_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, wanted in (("0", False), ("1", True), ("", True), ("no", True)):
        monkeypatch.setenv(walls.WANTED, value)
        assert walls.wanted() is wanted
    monkeypatch.delenv(walls.WANTED)
    assert walls.wanted()
