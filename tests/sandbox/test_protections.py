"""Each protection is judged from what was seen: sound facts, and facts with one flaw for every one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.protection import PROTECTIONS
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.kernel import CgroupLimits, Kernel, mounts
from orchestrator.sandbox.protections import (
    ALWAYS,
    ALWAYS_ON_AN_ENGINE,
    RULES,
    WHERE_OFFERED,
    Seen,
    State,
    finding,
    judge,
    needed,
    refused,
)
from orchestrator.sandbox.witness import Asked

MIB = 1024**2
IMAGE = "sha256:" + "1" * 64

# As recorded from a container of engine 20.10 on a kernel 6.18; paths shortened.
STATUS = {
    "Name": "python3",
    "Uid": "1234567890 1234567890 1234567890 1234567890",
    "Gid": "1234567890 1234567890 1234567890 1234567890",
    "Groups": "1234567890",
    **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0000000000000000"),
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "Seccomp_filters": "2",
}
LIMITS = {"Max cpu time": "110", "Max file size": "4096", "Max core file size": "0", "Max open files": "256"}
MOUNTS = """\
76 52 0:39 / / ro,relatime master:2 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u/diff,workdir=/u/work
77 76 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
78 76 0:43 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
80 76 0:45 / /sys ro,nosuid,nodev,noexec,relatime - sysfs sysfs ro
92 76 254:0 /usr/bin/tini-static /usr/sbin/docker-init ro,relatime - ext4 /dev/vda rw,discard
93 76 0:47 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,size=16384k,nr_inodes=1024
95 76 254:0 /models/seed.safetensors /inputs/seed/0.safetensors ro,relatime - ext4 /dev/vda rw,discard
96 76 254:0 /runs/x/output /output rw,relatime - ext4 /dev/vda rw,discard
56 77 0:42 /sys /proc/sys ro,nosuid,nodev,noexec,relatime - proc proc rw
61 77 0:43 /null /proc/keys rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
63 80 0:51 / /sys/firmware ro,relatime - tmpfs tmpfs ro
"""
OURS = {kind: f"{kind}:[4026531837]" for kind in ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")}
THEIRS = {kind: f"{kind}:[4026532250]" for kind in OURS} | {"user": OURS["user"]}
VERSION_1 = CgroupLimits(version="1", memory_bytes=512 * MIB, swap_bytes=0, pids=16, cpus=1.0)
VERSION_2 = dataclasses.replace(VERSION_1, version="2")

ASKED = Asked(
    image_id=IMAGE,
    seccomp_sha256="5" * 64,
    apparmor="",
    runtime="runc",
    device="cpu",
    own_uid=True,
    memory_bytes=512 * MIB,
    pids=16,
    cpus=1.0,
    nofile=256,
    file_bytes=4096,
    tmpfs_bytes=16 * MIB,
    tmpfs_inodes=1024,
    environment=frozenset({"PATH", "HOME"}),
    masked=("/proc/keys", "/sys/firmware", "/proc/acpi"),
    read_only=("/proc/sys",),
)
INIT = {**STATUS, "Name": "docker-init", "Seccomp_filters": "1"}
KERNEL = Kernel(
    status=STATUS,
    init=INIT,
    our_filters=0,
    limits=LIMITS,
    mounts=mounts(MOUNTS),
    namespaces=THEIRS,
    our_namespaces=OURS,
    uid_map="0 0 4294967295",
    interfaces=("lo",),
    environment={"PATH": "/usr/bin", "HOME": "/", "HOSTNAME": "sandbox"},
    confinement="",
    oom_score_adj=1000,
    cgroup=VERSION_1,
    landlock=7,
    host_paths=frozenset({"/proc/keys", "/sys/firmware", "/proc/sys"}),
)
ENGINE = EngineFacts(
    reachable=True,
    runtimes=("runc",),
    memory_limit=True,
    swap_limit=True,
    pids_limit=True,
    cpu_quota=True,
    security_options=("name=seccomp,profile=default",),
)
SETTINGS: Mapping[str, Any] = {
    "NetworkMode": "none",
    "IpcMode": "none",
    "CgroupnsMode": "private",
    "CapDrop": ["ALL"],
    "SecurityOpt": ["no-new-privileges:true", "seccomp=sha256:" + "5" * 64],
    "ReadonlyRootfs": True,
    "Memory": 512 * MIB,
    "MemorySwap": 512 * MIB,
    "PidsLimit": 16,
    "NanoCpus": 10**9,
    "OomScoreAdj": 1000,
    "Ulimits": [{"Name": name, "Hard": 1, "Soft": 1} for name in ("core", "cpu", "fsize", "nofile")],
    "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,nr_inodes=1024,mode=1777"},  # noqa: S108
    "LogConfig": {"Type": "none"},
    "Runtime": "runc",
    "Image": IMAGE,
    "User": "1234567890:1234567890",
    "EnvNames": ["HOME", "PATH"],
    "MaskedPaths": ["/proc/acpi", "/proc/keys", "/sys/firmware"],
    "ReadonlyPaths": ["/proc/sys"],
    "Mounts": [{"Target": "/inputs/seed/0.safetensors", "ReadOnly": True}, {"Target": "/output"}],
}
SEEN = Seen(
    asked=ASKED, kernel=KERNEL, engine=ENGINE, settings=SETTINGS, inside=frozenset({"inner-seccomp", "landlock-7"})
)

Flaw = Callable[[Seen], Seen]


def kernel(**changes: object) -> Flaw:
    def flaw(seen: Seen) -> Seen:
        assert seen.kernel is not None
        return dataclasses.replace(seen, kernel=dataclasses.replace(seen.kernel, **changes))  # type: ignore[arg-type]

    return flaw


def status(**lines: str) -> Flaw:
    return kernel(status={**STATUS, **lines})


def shared(kind: str) -> Flaw:
    return kernel(namespaces={**THEIRS, kind: OURS[kind]})


def mounted(old: str, new: str) -> Flaw:
    assert old in MOUNTS
    return kernel(mounts=mounts(MOUNTS.replace(old, new)))


def bounded(**limits: object) -> Flaw:
    return kernel(cgroup=dataclasses.replace(VERSION_2, **limits))  # type: ignore[arg-type]


def limited(name: str, value: str) -> Flaw:
    return kernel(limits={**LIMITS, name: value})


def settings(**changes: object) -> Flaw:
    return lambda seen: dataclasses.replace(seen, settings={**SETTINGS, **changes})


def inside(*names: str) -> Flaw:
    return lambda seen: dataclasses.replace(seen, inside=frozenset(names))


def offering(*options: str, **facts: object) -> Flaw:
    engine = dataclasses.replace(ENGINE, security_options=(*ENGINE.security_options, *options), **facts)  # type: ignore[arg-type]
    return lambda seen: dataclasses.replace(seen, engine=engine)


def asked(**changes: object) -> Flaw:
    return lambda seen: dataclasses.replace(seen, asked=dataclasses.replace(seen.asked, **changes))  # type: ignore[arg-type]


# What one flaw in what was seen makes of each protection.
FLAWS: list[tuple[str, Flaw]] = [
    ("no-network", shared("net")),
    ("no-network", kernel(interfaces=("eth0", "lo"))),
    ("no-network", settings(NetworkMode="bridge")),
    ("no-capabilities", status(CapEff="0000000000000400")),
    ("no-capabilities", status(CapBnd="00000000a80425fb")),
    ("no-capabilities", settings(CapAdd=["NET_RAW"])),
    ("no-capabilities", settings(Privileged=True)),
    ("no-new-privileges", status(NoNewPrivs="0")),
    ("no-new-privileges", settings(SecurityOpt=["seccomp=sha256:" + "5" * 64])),
    ("seccomp", kernel(init={**INIT, "Seccomp": "0", "Seccomp_filters": "0"})),
    ("seccomp", settings(SecurityOpt=["no-new-privileges:true", "seccomp=unconfined"])),
    ("inner-seccomp", status(Seccomp_filters="1")),
    ("inner-seccomp", inside("landlock-7")),
    ("landlock", inside("inner-seccomp")),
    ("read-only-root", mounted("/ / ro,relatime", "/ / rw,relatime")),
    ("read-only-root", settings(ReadonlyRootfs=None)),
    ("read-only-inputs", mounted("/inputs/seed/0.safetensors ro", "/inputs/seed/0.safetensors rw")),
    ("no-shm", mounted("0:47 / /tmp", "0:47 / /dev/shm")),
    ("private-ipc", shared("ipc")),
    ("private-pid", shared("pid")),
    ("private-pid", settings(PidMode="host")),
    ("private-mount", shared("mnt")),
    ("private-cgroup", shared("cgroup")),
    ("private-uts", shared("uts")),
    ("unprivileged-uid", status(Uid="0 0 0 0")),
    ("unprivileged-uid", status(Groups="0 27")),
    ("own-uid", status(Uid="1000 1000 1000 1000")),
    ("memory", bounded(memory_bytes=None)),
    ("memory", bounded(memory_bytes=1024 * MIB)),
    ("swap", bounded(swap_bytes=None)),
    ("swap", bounded(swap_bytes=512 * MIB)),
    ("pids", bounded(pids=None)),
    ("cpus", bounded(cpus=None)),
    ("cpus", settings(NanoCpus=None)),
    ("cpu-seconds", limited("Max cpu time", "unlimited")),
    ("nofile", limited("Max open files", "1048576")),
    ("no-core", limited("Max core file size", "unlimited")),
    ("file-size", limited("Max file size", "unlimited")),
    ("tmpfs-bytes", mounted("size=16384k,nr", "size=65536k,nr")),
    ("tmpfs-bytes", mounted(",size=16384k,nr", ",nr")),
    ("tmpfs-inodes", mounted(",nr_inodes=1024", "")),
    ("tmpfs-noexec", mounted("rw,nosuid,nodev,noexec,relatime - tmpfs", "rw,nosuid,nodev,relatime - tmpfs")),
    ("no-engine-log", settings(LogConfig={"Type": "json-file"})),
    ("no-devices", mounted("0:47 / /tmp rw,nosuid,nodev,noexec,relatime - tmpfs", "0:6 /kvm /dev/kvm rw - devtmpfs")),
    ("no-devices", settings(Devices=[{"PathOnHost": "/dev/kvm"}])),
    ("no-devices", settings(DeviceRequests=[{"Driver": "nvidia"}])),
    ("explicit-environment", kernel(environment={"PATH": "", "AWS_SECRET": ""})),
    ("explicit-environment", settings(EnvNames=["PATH", "HTTP_PROXY"])),
    ("image-by-digest", settings(Image="sha256:" + "2" * 64)),
    ("masked-proc", mounted("/null /proc/keys", "/null /proc/other")),
    ("masked-proc", mounted("/proc/sys ro", "/proc/sys rw")),
    ("masked-proc", settings(MaskedPaths=["/proc/acpi"])),
    ("read-only-inputs", settings(Mounts=[{"Target": "/inputs/seed/0.safetensors"}])),
    ("read-only-inputs", settings(Binds=["/:/host"])),
    ("own-uid", settings(User="0:0")),
    ("oom-score", kernel(oom_score_adj=0)),
    ("apparmor", offering("name=apparmor")),
    ("user-namespace", offering("name=userns")),
    ("gvisor", offering(runtimes=("runc", "runsc"))),
    ("cdi", asked(device="cuda")),
]
NEVER_MISSING = {"rootless-engine"}  # an engine is, or is not


@pytest.mark.parametrize(("name", "flaw"), FLAWS, ids=[f"{index}-{name}" for index, (name, _) in enumerate(FLAWS)])
def test_one_flaw_is_seen_as_missing_with_what_to_do(name: str, flaw: Flaw) -> None:
    found = finding(name, flaw(SEEN))
    assert found.state is State.MISSING, found.found
    assert found.remedy


def test_every_protection_can_be_missing() -> None:
    assert {name for name, _ in FLAWS} | NEVER_MISSING == set(PROTECTIONS) == set(RULES)


OPTIONAL = {"apparmor", "user-namespace", "rootless-engine", "gvisor", "cdi"}


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2], ids=["cgroup v1", "cgroup v2"])
def test_a_sound_container_has_all_that_its_engine_offers(version: CgroupLimits) -> None:
    found = judge(kernel(cgroup=version)(SEEN))
    assert [one.name for one in found] == list(PROTECTIONS)
    assert {one.name for one in found if one.state is not State.IN_EFFECT} == OPTIONAL
    assert {one.state for one in found if one.name in OPTIONAL} == {State.NOT_OFFERED}
    assert all(one.remedy for one in found if one.state is not State.IN_EFFECT)


def test_nothing_is_refused_of_a_sound_container() -> None:
    assert refused(judge(SEEN), needed(SEEN, ())) == ()


def test_what_is_required_and_not_offered_is_refused() -> None:
    lacking = refused(judge(SEEN), needed(SEEN, ("gvisor", "memory")))
    assert [one.name for one in lacking] == ["gvisor"]


@pytest.mark.parametrize(("name", "flaw"), FLAWS, ids=[f"{index}-{name}" for index, (name, _) in enumerate(FLAWS)])
def test_a_start_is_refused_for_whatever_is_missing_but_what_nobody_asked_for(name: str, flaw: Flaw) -> None:
    seen = flaw(SEEN)
    names = {one.name for one in refused(judge(seen), needed(seen, ()))}
    assert (name in names) == (name in ALWAYS | ALWAYS_ON_AN_ENGINE | WHERE_OFFERED)


def test_what_the_configuration_names_elsewhere_is_required_too() -> None:
    named = asked(apparmor="mine", runtime="runsc")(dataclasses.replace(SEEN, engine=None))
    assert {"apparmor", "gvisor"} <= {one.name for one in refused(judge(named), needed(named, ()))}


def test_landlock_is_needed_only_where_the_kernel_has_it() -> None:
    without = inside("inner-seccomp")(kernel(landlock=0)(SEEN))
    assert finding("landlock", without).state is State.NOT_OFFERED
    assert refused(judge(without), needed(without, ())) == ()
    assert [one.name for one in refused(judge(without), needed(without, ("landlock",)))] == ["landlock"]


def test_a_kernel_that_cannot_be_seen_is_said_and_the_engine_s_word_stands() -> None:
    remote = dataclasses.replace(SEEN, kernel=None)
    found = {one.name: one for one in judge(remote)}
    assert found["memory"].state is State.IN_EFFECT
    assert "the kernel's own word cannot be had here" in found["memory"].found
    assert "the kernel's own word" not in found["no-engine-log"].found
    assert finding("memory", settings(Memory=None)(remote)).state is State.MISSING


def test_an_engine_in_another_kernel_is_not_refused_for_what_cannot_be_seen() -> None:
    remote = dataclasses.replace(SEEN, kernel=None)
    assert refused(judge(remote), needed(remote, ())) == ()


def test_what_nobody_can_tell_is_missing() -> None:
    nobody = dataclasses.replace(SEEN, kernel=None, engine=None)
    assert finding("private-mount", nobody).state is State.MISSING
    assert finding("private-mount", nobody).found.startswith("nobody can tell")


def test_the_engine_s_word_does_not_make_up_for_what_the_kernel_shows() -> None:
    found = finding("memory", bounded(memory_bytes=None)(SEEN))
    assert "kernel: no bound" in found.found
    assert found.state is State.MISSING


def test_an_unreadable_process_leaves_its_facts_unknown_and_not_broken() -> None:
    hidden = kernel(environment=None, namespaces={})(SEEN)
    assert finding("explicit-environment", hidden).state is State.IN_EFFECT
    assert refused(judge(hidden), needed(hidden, ())) == ()


def test_apparmor_is_in_effect_only_with_the_profile_that_was_asked_for() -> None:
    there = offering("name=apparmor")(SEEN)
    profiled = settings(SecurityOpt=[*SETTINGS["SecurityOpt"], "apparmor=mine"])
    mine = asked(apparmor="mine")(profiled(kernel(confinement="mine (enforce)")(there)))
    assert finding("apparmor", mine).state is State.IN_EFFECT
    for confinement in ("mine (complain)", "docker-default (enforce)", "unconfined"):
        assert finding("apparmor", kernel(confinement=confinement)(mine)).state is State.MISSING


def test_a_remapped_user_namespace_is_in_effect_and_the_host_s_is_not() -> None:
    remapped = kernel(namespaces={**THEIRS, "user": "user:[1]"}, uid_map="0 100000 65536")(
        offering("name=userns")(SEEN)
    )
    assert finding("user-namespace", remapped).state is State.IN_EFFECT
    assert finding("user-namespace", settings(UsernsMode="host")(remapped)).state is State.MISSING
    assert finding("user-namespace", kernel(uid_map="0 0 4294967295")(remapped)).state is State.MISSING


def test_without_an_engine_only_what_every_platform_has_is_needed() -> None:
    bare = dataclasses.replace(SEEN, engine=None, settings={})
    assert needed(bare, ()) == ALWAYS | {"landlock", "own-uid"}
    assert refused(judge(bare), needed(bare, ())) == ()
    found = {one.name: one.state for one in judge(bare)}
    assert found["no-engine-log"] is State.IN_EFFECT
    assert found["image-by-digest"] is State.NOT_OFFERED


@pytest.mark.docker
def test_the_kernel_bears_out_every_protection_of_a_real_container(
    docker_sandbox: DockerSandbox, tiny_inputs: MergeInputs
) -> None:
    seen = docker_sandbox.look(tiny_inputs.tensors)
    assert seen.kernel is not None
    assert refused(judge(seen), needed(seen, ())) == ()
    assert "kernel: 2 filters, 1 of them the container's" in finding("inner-seccomp", seen).found


@pytest.mark.docker
def test_a_container_without_its_inner_walls_is_refused(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    facts = engine_facts(tiny_config.image.name)
    with DockerSandbox(
        tiny_config,
        image_id=facts.image_id,
        mounts=tiny_inputs.mounts,
        run_id="test",
        work_dir=tmp_path / "work",
        walls=False,
    ) as sandbox:
        seen = sandbox.look(tiny_inputs.tensors)
    names = {one.name for one in refused(judge(seen), needed(seen, ()))}
    assert names == {"inner-seccomp"} | ({"landlock"} if seen.kernel and seen.kernel.landlock else set())
