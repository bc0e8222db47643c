"""Judges which protections of a started container are in effect. Pure: what was seen goes in, findings come out.

Up to three witnesses speak on each. The *kernel* shows the process itself; the *engine* tells the settings that
it says are effective; the *container* told, before it had any program, what it put up inside. Everyone who can
speak must agree, and somebody must. Asking for a protection proves nothing and is no witness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.protection import PROTECTIONS
from orchestrator.sandbox import witness
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.kernel import Kernel
from orchestrator.sandbox.witness import Asked, OfEngine, OfKernel, Verdict


class State(StrEnum):
    """What is the matter with a protection on this host."""

    IN_EFFECT = "in effect"
    NOT_OFFERED = "not offered"  # this engine or kernel cannot
    MISSING = "missing"  # it could be had, or must be, and is not in effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One protection as it was found."""

    name: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One started container, as seen from all sides, before it had a program."""

    asked: Asked
    kernel: Kernel | None  # None: its processes are not this kernel's
    engine: EngineFacts | None  # None: no engine made it
    settings: Mapping[str, Any]  # effective, by the engine's word (`settings.recorded`)
    inside: frozenset[str]  # what it said it had put up


# Without these nothing is started: on any platform, and on an engine besides.
ALWAYS = frozenset(
    {
        "no-network",
        "no-capabilities",
        "no-new-privileges",
        "seccomp",
        "inner-seccomp",
        "read-only-root",
        "read-only-inputs",
        "no-shm",
        "private-ipc",
        "private-pid",
        "private-mount",
        "private-uts",
        "unprivileged-uid",
        "nofile",
        "no-core",
        "file-size",
        "explicit-environment",
    }
)
ALWAYS_ON_AN_ENGINE = frozenset(
    {
        "private-cgroup",
        "memory",
        "swap",
        "pids",
        "cpus",
        "cpu-seconds",
        "tmpfs-bytes",
        "tmpfs-inodes",
        "tmpfs-noexec",
        "no-engine-log",
        "no-devices",
        "image-by-digest",
        "masked-proc",
        "oom-score",
    }
)
WHERE_OFFERED = frozenset({"landlock", "own-uid", "apparmor", "user-namespace"})

_ELSEWHERE = "the kernel's own word cannot be had here"
_ENGINE_BROKEN = "use another engine or runtime: this one takes the setting and does not put it into effect"

_NO_ENGINE = "use a container engine (`make engine`), or let this user set it: cgroups, namespaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one protection is judged."""

    kernel: OfKernel | None = None
    engine: OfEngine | None = None
    platform: Callable[[EngineFacts], Verdict] | None = None  # the engine, of itself
    inside: Callable[[frozenset[str]], Verdict] | None = None
    offered: Callable[[Seen], bool] = lambda _: True
    remedy: str = _ENGINE_BROKEN  # where it is missing
    to_be_offered: str = ""  # where it is not offered
    without_engine: str = ""  # why it is in effect where there is no engine, if it is


def judge(seen: Seen) -> tuple[Finding, ...]:
    """Judge every protection, in the order of `PROTECTIONS`."""
    return tuple(finding(name, seen) for name in PROTECTIONS)


def finding(name: str, seen: Seen) -> Finding:
    """Judge one protection."""
    rule = RULES[name]
    if seen.engine is None and rule.without_engine:
        return Finding(name=name, state=State.IN_EFFECT, found=rule.without_engine)
    spoken = [(who, verdict) for who, verdict in _witnesses(rule, seen) if verdict[0] is not None]
    found = "; ".join(f"{who}: {text}" for who, (_, text) in spoken) or "nobody can tell"
    if rule.kernel is not None and not any(who == "kernel" for who, _ in spoken):
        found += f"; {_ELSEWHERE}"
    if spoken and all(holds for _, (holds, _) in spoken):
        return Finding(name=name, state=State.IN_EFFECT, found=found)
    if not rule.offered(seen):
        return Finding(name=name, state=State.NOT_OFFERED, found=found, remedy=rule.to_be_offered)
    remedy = _NO_ENGINE if seen.engine is None and rule.remedy == _ENGINE_BROKEN else rule.remedy
    return Finding(name=name, state=State.MISSING, found=found, remedy=remedy)


def _witnesses(rule: Rule, seen: Seen) -> Iterable[tuple[str, Verdict]]:
    if rule.kernel is not None and seen.kernel is not None:
        yield "kernel", rule.kernel(seen.kernel, seen.asked)
    if rule.engine is not None and seen.engine is not None:
        yield "engine", rule.engine(seen.settings, seen.asked)
    if rule.platform is not None and seen.engine is not None:
        yield "engine", rule.platform(seen.engine)
    if rule.inside is not None:
        yield "container", rule.inside(seen.inside)


def refused(findings: Sequence[Finding], needed: frozenset[str]) -> tuple[Finding, ...]:
    """Return those that are needed and not in effect."""
    return tuple(found for found in findings if found.name in needed and found.state is not State.IN_EFFECT)


def needed(seen: Seen, required: Iterable[str]) -> frozenset[str]:
    """Return what a start is refused without: what is always asked for, where it can be had, or was required."""
    here = {name for name in WHERE_OFFERED if RULES[name].offered(seen)}
    engine = ALWAYS_ON_AN_ENGINE if seen.engine is not None else frozenset()
    asked = {"apparmor": bool(seen.asked.apparmor), "gvisor": seen.asked.runtime.startswith("runsc")}
    return frozenset({*ALWAYS, *engine, *here, *required, *(name for name, was in asked.items() if was)})


def _says(*options: str) -> Callable[[EngineFacts], Verdict]:
    def look(facts: EngineFacts) -> Verdict:
        said = [text for text in facts.security_options if text.startswith(options)]
        return bool(said), ", ".join(said) or f"does not say {' or '.join(options)}"

    return look


def _put_up(prefix: str) -> Callable[[frozenset[str]], Verdict]:
    def look(inside: frozenset[str]) -> Verdict:
        said = sorted(name for name in inside if name.startswith(prefix))
        return bool(said), ", ".join(said) or "put up none"

    return look


_CONTROLLERS = "enable the memory, pids and cpu cgroup controllers of the kernel"
_KERNEL_LOCKED = "run `make image`: the sandbox image is older than this, or the walls inside were left out"
_AS_ROOT = "run Assay as root, or the engine with user-namespace remapping"

_REMAPS = _says("name=userns", "name=rootless")

RULES: Mapping[str, Rule] = {
    "no-network": Rule(kernel=witness.network, engine=witness.setting("NetworkMode", "none")),
    "no-capabilities": Rule(kernel=witness.capabilities, engine=witness.capabilities_asked),
    "no-new-privileges": Rule(kernel=witness.new_privileges, engine=witness.option(lambda _: "no-new-privileges:true")),
    "seccomp": Rule(
        kernel=witness.outer_filter,
        engine=witness.option(lambda asked: f"seccomp=sha256:{asked.seccomp_sha256}"),
        offered=lambda seen: seen.engine is None or seen.engine.seccomp,
        to_be_offered="use a kernel with CONFIG_SECCOMP_FILTER, and an engine built with seccomp",
    ),
    "inner-seccomp": Rule(kernel=witness.second_filter, inside=_put_up("inner-seccomp"), remedy=_KERNEL_LOCKED),
    "landlock": Rule(
        inside=_put_up("landlock-"),
        offered=lambda seen: seen.kernel is not None and seen.kernel.landlock > 0,
        remedy=_KERNEL_LOCKED,
        to_be_offered="use a kernel from 5.13 on with CONFIG_SECURITY_LANDLOCK, and `landlock` in its lsm= list",
    ),
    "read-only-root": Rule(
        kernel=witness.mounted_read_only("/", "the root"), engine=witness.setting("ReadonlyRootfs", True)
    ),
    "read-only-inputs": Rule(kernel=witness.writable_disk, engine=witness.writable_mounts),
    "no-shm": Rule(kernel=witness.shm, engine=witness.setting("IpcMode", "none")),
    "private-ipc": Rule(kernel=witness.namespace("ipc"), engine=witness.setting("IpcMode", "none", "private")),
    "private-pid": Rule(kernel=witness.namespace("pid"), engine=witness.setting("PidMode", None)),
    "private-mount": Rule(kernel=witness.namespace("mnt"), engine=witness.as_any_container),
    "private-cgroup": Rule(kernel=witness.namespace("cgroup"), engine=witness.setting("CgroupnsMode", "private")),
    "private-uts": Rule(kernel=witness.namespace("uts"), engine=witness.setting("UTSMode", None)),
    "unprivileged-uid": Rule(kernel=witness.unprivileged, engine=witness.user),
    "own-uid": Rule(
        kernel=witness.own_uid,
        engine=witness.user_of_its_own,
        offered=lambda seen: seen.asked.own_uid,
        to_be_offered=_AS_ROOT,
    ),
    "memory": Rule(
        kernel=witness.bound(lambda kernel: kernel.cgroup.memory_bytes, lambda asked: asked.memory_bytes),
        engine=witness.at_most("Memory", lambda asked: asked.memory_bytes),
        offered=lambda seen: seen.engine is None or seen.engine.memory_limit,
        to_be_offered=_CONTROLLERS,
    ),
    "swap": Rule(
        kernel=witness.bound(lambda kernel: kernel.cgroup.swap_bytes, lambda _: 0),
        engine=witness.at_most("MemorySwap", lambda asked: asked.memory_bytes),
        offered=lambda seen: seen.engine is None or seen.engine.swap_limit,
        to_be_offered="boot with `swapaccount=1`, or switch swap off",
    ),
    "pids": Rule(
        kernel=witness.bound(lambda kernel: kernel.cgroup.pids, lambda asked: asked.pids),
        engine=witness.at_most("PidsLimit", lambda asked: asked.pids),
        offered=lambda seen: seen.engine is None or seen.engine.pids_limit,
        to_be_offered=_CONTROLLERS,
    ),
    "cpus": Rule(
        kernel=witness.bound(lambda kernel: kernel.cgroup.cpus, lambda asked: asked.cpus),
        engine=witness.at_most("NanoCpus", lambda asked: round(asked.cpus * 1_000_000_000)),
        offered=lambda seen: seen.engine is None or seen.engine.cpu_quota,
        to_be_offered=_CONTROLLERS,
    ),
    "cpu-seconds": Rule(kernel=witness.cpu_seconds, engine=witness.ulimit("cpu")),
    "nofile": Rule(
        kernel=witness.rlimit("Max open files", lambda asked: asked.nofile), engine=witness.ulimit("nofile")
    ),
    "no-core": Rule(kernel=witness.rlimit("Max core file size", lambda _: 0), engine=witness.ulimit("core")),
    "file-size": Rule(
        kernel=witness.rlimit("Max file size", lambda asked: asked.file_bytes), engine=witness.ulimit("fsize")
    ),
    "tmpfs-bytes": Rule(
        kernel=witness.tmpfs("size", lambda asked: asked.tmpfs_bytes), engine=witness.tmpfs_asked("size=")
    ),
    "tmpfs-inodes": Rule(
        kernel=witness.tmpfs("nr_inodes", lambda asked: asked.tmpfs_inodes), engine=witness.tmpfs_asked("nr_inodes=")
    ),
    "tmpfs-noexec": Rule(kernel=witness.tmpfs_exec, engine=witness.tmpfs_asked("noexec")),
    "no-engine-log": Rule(engine=witness.no_log, without_engine="there is no engine that could keep one"),
    "no-devices": Rule(kernel=witness.devices_mounted, engine=witness.devices),
    "explicit-environment": Rule(kernel=witness.environment, engine=witness.environment_asked),
    "image-by-digest": Rule(
        engine=witness.image,
        offered=lambda seen: seen.engine is not None,
        remedy="run `make image`",
        to_be_offered="only an engine has images; what stands in for one is recorded by digest too",
    ),
    "masked-proc": Rule(kernel=witness.masks, engine=witness.paths_covered),
    "oom-score": Rule(kernel=witness.oom_score, engine=witness.setting("OomScoreAdj", 1000)),
    "apparmor": Rule(
        kernel=witness.confined,
        engine=witness.option(lambda asked: f"apparmor={asked.apparmor or witness.DEFAULT_PROFILE}"),
        offered=lambda seen: seen.engine is not None and seen.engine.apparmor,
        remedy="load the profile on the engine's host (`apparmor_parser`), or set [container] apparmor to one it has",
        to_be_offered="enable AppArmor in the kernel of the engine's host (`apparmor=1 security=apparmor`)",
    ),
    "user-namespace": Rule(
        kernel=witness.user_namespace,
        engine=witness.setting("UsernsMode", None),
        platform=_REMAPS,
        offered=lambda seen: seen.engine is not None and bool(_REMAPS(seen.engine)[0]),
        to_be_offered="set `userns-remap` to `default` in the engine's daemon.json, and restart it",
    ),
    "rootless-engine": Rule(
        platform=_says("name=rootless"),
        offered=lambda seen: False,
        to_be_offered="run a rootless engine (docs.docker.com/engine/security/rootless)",
    ),
    "gvisor": Rule(
        engine=witness.own_kernel,
        offered=lambda seen: seen.engine is not None and "runsc" in seen.engine.runtimes,
        remedy='set [container] runtime = "runsc"',
        to_be_offered="install runsc, name it in the engine's daemon.json, and in [container] runtime",
    ),
    "cdi": Rule(
        engine=witness.cdi,
        offered=lambda seen: seen.asked.device == "cuda",
        remedy="write a CDI specification (`nvidia-ctk cdi generate`) and leave the nvidia runtime out",
        to_be_offered='only a run with device = "cuda" hands a GPU in',
    ),
}
