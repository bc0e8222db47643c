"""Reading a container's cgroup, versions 1 and 2, and reading nothing where there is nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.sandbox.cgroup import Cgroup, Reading, holds


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    return tmp_path / "proc"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def test_version_1(proc: Path, root: Path) -> None:
    write(proc / "7/cgroup", "8:pids:/docker/abc\n4:memory:/docker/abc\n0::/\n")
    write(root / "memory/docker/abc/memory.max_usage_in_bytes", "12345\n")
    write(root / "memory/docker/abc/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    write(root / "memory/docker/abc/memory.failcnt", "3\n")
    write(root / "memory/docker/abc/memory.memsw.failcnt", "4\n")
    write(root / "memory/docker/abc/cgroup.procs", "7\n8\n9\n")
    assert Cgroup(7, proc=proc, root=root).read() == Reading(peak_bytes=12345, oom_kills=2, processes=3, limit_hits=7)


def test_version_2(proc: Path, root: Path) -> None:
    write(root / "cgroup.controllers", "cpu memory pids\n")
    write(proc / "7/cgroup", "0::/system.slice/docker-abc.scope\n")
    write(root / "system.slice/docker-abc.scope/memory.peak", "54321\n")
    write(root / "system.slice/docker-abc.scope/memory.events", "low 0\noom 1\noom_kill 1\n")
    write(root / "system.slice/docker-abc.scope/cgroup.procs", "7\n")
    assert Cgroup(7, proc=proc, root=root).read() == Reading(peak_bytes=54321, oom_kills=1, processes=1, limit_hits=1)


def test_the_root_is_never_taken_for_a_container(proc: Path, root: Path) -> None:
    write(proc / "7/cgroup", "4:memory:/\n")
    write(root / "memory/memory.max_usage_in_bytes", "99\n")
    assert Cgroup(7, proc=proc, root=root).read() == Reading()


def test_a_process_that_is_gone_reads_as_unknown(proc: Path, root: Path) -> None:
    assert Cgroup(7, proc=proc, root=root).read() == Reading()


def test_a_process_is_the_containers_only_if_its_cgroup_says_so(proc: Path) -> None:
    write(proc / "7/cgroup", "4:memory:/docker/abc123\n")
    assert holds(7, "abc123", proc=proc)
    assert not holds(7, "def456", proc=proc)
    assert not holds(8, "abc123", proc=proc)


def test_a_later_look_never_lowers_a_peak() -> None:
    first = Reading(peak_bytes=10, oom_kills=1, processes=3)
    assert first.later(Reading()) == Reading(peak_bytes=10, oom_kills=1, processes=0)


def test_a_limit_that_cannot_be_read_is_unknown(proc: Path, root: Path) -> None:
    write(proc / "7/cgroup", "4:memory:/docker/abc\n")
    write(root / "memory/docker/abc/memory.oom_control", "oom_kill 1\n")
    reading = Cgroup(7, proc=proc, root=root).read()
    assert (reading.oom_kills, reading.limit_hits, reading.starved_by_others) == (1, None, False)


@pytest.mark.parametrize(
    ("events", "others"),
    [
        ("max 0\noom 0\noom_kill 1\n", True),
        ("max 9\noom 0\noom_kill 1\n", True),  # its cache was trimmed, but for its own limit nobody had to die
        ("max 9\noom 1\noom_kill 1\n", False),
        ("max 0\noom 0\noom_kill 0\n", False),
    ],
)
def test_a_kill_without_a_limit_of_its_own_is_anothers_doing_in_version_2(
    events: str, others: bool, proc: Path, root: Path
) -> None:
    write(root / "cgroup.controllers", "memory\n")
    write(proc / "7/cgroup", "0::/docker-abc.scope\n")
    write(root / "docker-abc.scope/memory.events", events)
    assert Cgroup(7, proc=proc, root=root).read().starved_by_others is others


@pytest.mark.parametrize(("memory", "swap", "others"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_kill_without_a_limit_of_its_own_is_anothers_doing_in_version_1(
    memory: int, swap: int, others: bool, proc: Path, root: Path
) -> None:
    write(proc / "7/cgroup", "4:memory:/docker/abc\n")
    write(root / "memory/docker/abc/memory.oom_control", "oom_kill 1\n")
    write(root / "memory/docker/abc/memory.failcnt", f"{memory}\n")
    write(root / "memory/docker/abc/memory.memsw.failcnt", f"{swap}\n")
    assert Cgroup(7, proc=proc, root=root).read().starved_by_others is others


def test_a_kill_that_no_look_caught_says_nothing_of_the_limit() -> None:
    assert not Reading(limit_hits=0).later(Reading()).starved_by_others
