"""Reading a process from the kernel's files: recorded texts, both versions of cgroups, and this very process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.sandbox.kernel import CgroupLimits, Kernel, cgroup_limits, landlock_version, look_at, mounts, pid_of

MOUNTINFO = """\
76 52 0:39 / / ro,relatime master:2 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/BED
77 76 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
60 77 0:43 /null /proc/interrupts rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
95 76 254:0 /runs/a\\040b /output rw,relatime shared:4 master:7 - ext4 /dev/vda rw,discard
93 76 0:47 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=16384k,nr_inodes=1024
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_mount_keeps_its_own_options_apart_from_the_file_system_s() -> None:
    root = mounts(MOUNTINFO)[0]
    assert (root.point, root.kind) == ("/", "overlay")
    assert "ro" in root.options
    assert "ro" not in root.settings
    assert root.read_only


def test_optional_fields_and_escaped_spaces_are_no_hindrance() -> None:
    output = mounts(MOUNTINFO)[3]
    assert (output.point, output.root, output.kind) == ("/output", "/runs/a b", "ext4")


def test_limits_of_version_1(tmp_path: Path) -> None:
    write(tmp_path / "memory/docker/abc/memory.limit_in_bytes", "536870912\n")
    write(tmp_path / "memory/docker/abc/memory.memsw.limit_in_bytes", "536870912\n")
    write(tmp_path / "pids/docker/abc/pids.max", "16\n")
    write(tmp_path / "cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "150000\n")
    (tmp_path / "cpu").symlink_to("cpu,cpuacct")
    write(tmp_path / "cpu/docker/abc/cpu.cfs_period_us", "100000\n")
    membership = "8:pids:/docker/abc\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/\n"
    expected = CgroupLimits(version="1", memory_bytes=2**29, swap_bytes=0, pids=16, cpus=1.5)
    assert cgroup_limits(membership, tmp_path) == expected


def test_limits_of_version_2(tmp_path: Path) -> None:
    write(tmp_path / "cgroup.controllers", "cpu memory pids\n")
    place = tmp_path / "system.slice/docker-abc.scope"
    for name, text in {"memory.max": "536870912", "memory.swap.max": "0", "pids.max": "16"}.items():
        write(place / name, text + "\n")
    write(place / "cpu.max", "150000 100000\n")
    expected = CgroupLimits(version="2", memory_bytes=2**29, swap_bytes=0, pids=16, cpus=1.5)
    assert cgroup_limits("0::/system.slice/docker-abc.scope\n", tmp_path) == expected


@pytest.mark.parametrize("missing", ["unlimited", "absent"])
def test_what_is_unbounded_or_absent_is_no_limit(tmp_path: Path, missing: str) -> None:
    write(tmp_path / "cgroup.controllers", "cpu memory pids\n")
    if missing == "unlimited":
        for name in ("memory.max", "memory.swap.max", "pids.max"):
            write(tmp_path / "x" / name, "max\n")
        write(tmp_path / "x/cpu.max", "max 100000\n")
    assert cgroup_limits("0::/x\n", tmp_path) == CgroupLimits(version="2")


def test_the_runner_under_a_container_s_init_is_what_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "7/task/7/children", "8 ")
    write(tmp_path / "self/status", "Seccomp_filters:\t1\n")
    write(tmp_path / "7/status", "Name:\tinit\nSeccomp_filters:\t2\n")
    write(tmp_path / "8/status", "Name:\tpython3\nSeccomp_filters:\t3\n")
    found = look_at(7, (), proc=tmp_path, cgroups=tmp_path)
    assert found is not None
    assert (found.status["Name"], found.init["Name"]) == ("python3", "init")
    filters = (found.our_filters, found.number_of_init("Seccomp_filters"), found.number("Seccomp_filters"))
    assert filters == (1, 2, 3)


def test_what_the_runner_hides_is_read_from_the_init(tmp_path: Path) -> None:
    write(tmp_path / "7/task/7/children", "8 ")
    write(tmp_path / "7/environ", "PATH=/usr/bin\0")
    write(tmp_path / "7/net/dev", "Inter-| Receive\n face |bytes\n    lo: 0 0\n")
    write(tmp_path / "8/status", "Name:\tpython3\n")
    (tmp_path / "7/ns").mkdir()
    (tmp_path / "7/ns/pid").symlink_to("pid:[1]")
    found = look_at(7, (), proc=tmp_path, cgroups=tmp_path)
    assert found is not None
    assert (found.interfaces, found.environment) == (("lo",), {"PATH": "/usr/bin"})
    assert found.namespaces == {"pid": "pid:[1]"}


def test_a_process_that_has_gone_is_not_seen(tmp_path: Path) -> None:
    assert look_at(7, (), proc=tmp_path) is None


def test_this_process_shares_its_namespaces_with_itself_and_limits_are_the_kernel_s() -> None:
    found = look_at(os.getpid(), ("/proc", "/no/such/path"))
    assert isinstance(found, Kernel)
    assert found.private("pid") is False
    assert found.environment is not None
    assert found.limits["Max open files"].isdigit() or found.limits["Max open files"] == "unlimited"
    assert found.mount("/proc") is not None
    assert found.host_paths == {"/proc"}
    assert landlock_version() == found.landlock


def test_a_pidfd_knows_its_process_and_forgets_a_dead_one() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    holder = os.pidfd_open(child)
    try:
        assert pid_of(holder) == child
        os.waitpid(child, 0)
        assert pid_of(holder) is None
    finally:
        os.close(holder)
