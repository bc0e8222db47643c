"""What the kernel says of a container's process: read from /proc and the cgroup files, judged by nobody here.

The kernel is the witness: an engine may take an option and ignore it. A process of another machine cannot be
looked at; a file that may not be read leaves its fact unknown (None, or absent from its mapping).
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
_MAX_DEPTH = 8  # of processes, from a container's first to its runner
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_LANDLOCK_CREATE_RULESET = 444  # the same number on every architecture
_LANDLOCK_VERSION = 1  # linux/landlock.h: LANDLOCK_CREATE_RULESET_VERSION
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
_LIMIT = re.compile(r"^(Max [a-z ]+?) {2,}(\S+) +(\S+)", re.MULTILINE)
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo."""

    point: str
    root: str  # the part of the file system that is mounted
    options: frozenset[str]  # of this mount
    kind: str  # of file system
    source: str
    settings: frozenset[str]  # of the file system

    @property
    def read_only(self) -> bool:
        return "ro" in self.options or "ro" in self.settings


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupLimits:
    """What the cgroup files bound; None is unbounded or unknown."""

    version: str = ""  # "1" or "2"
    memory_bytes: int | None = None
    swap_bytes: int | None = None  # beyond memory
    pids: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One process as the kernel shows it."""

    status: Mapping[str, str]  # /proc/<pid>/status
    init: Mapping[str, str]  # the same of the container's first process: it has the outer filter and no other
    our_filters: int | None  # seccomp filters that we are under ourselves; what we start is, too
    limits: Mapping[str, str]  # "Max open files" -> hard limit
    mounts: tuple[Mount, ...]
    namespaces: Mapping[str, str]  # kind -> "pid:[4026531836]"
    our_namespaces: Mapping[str, str]
    uid_map: str
    interfaces: tuple[str, ...]
    environment: Mapping[str, str] | None
    confinement: str  # of the security module; empty where there is none
    oom_score_adj: int | None
    cgroup: CgroupLimits
    landlock: int  # the version of Landlock that this kernel has; 0 for none
    host_paths: frozenset[str]  # those of `paths` that this machine has

    def private(self, kind: str) -> bool | None:
        """Whether a namespace is another than ours; None where that cannot be seen."""
        theirs, ours = self.namespaces.get(kind), self.our_namespaces.get(kind)
        return None if theirs is None or ours is None else theirs != ours

    def number(self, key: str) -> int | None:
        """Return the first number of a line of the status; None where there is none."""
        return _integer_in(self.status, key)

    def number_of_init(self, key: str) -> int | None:
        """Return the same of the container's first process."""
        return _integer_in(self.init, key)

    @property
    def capabilities(self) -> int | None:
        """Return all sets of capabilities as one mask; None where a set is unknown."""
        sets = [self.status.get(name) for name in _CAPABILITIES]
        mask = 0
        for text in sets:
            if text is None:
                return None
            mask |= int(text, 16)
        return mask

    def mount(self, point: str) -> Mount | None:
        """Return what is seen at a path: of several mounts there the last."""
        return next((mount for mount in reversed(self.mounts) if mount.point == point), None)


def look_at(init: int, paths: Iterable[str], *, proc: Path = _PROC, cgroups: Path = _CGROUPS) -> Kernel | None:
    """Look at a container whose first process has this number here; None if it has gone meanwhile.

    Looked at is the last of its line of first children: the runner under a container's init. What that one hides
    from other processes of its user is read from the first: they share it.
    """
    first = proc / str(init)
    place = proc / str(_last_of_line(init, proc))
    status = _fields(_text(place / "status"))
    if not status:
        return None
    return Kernel(
        status=status,
        init=_fields(_text(first / "status")),
        our_filters=_integer_in(_fields(_text(proc / "self/status")), "Seccomp_filters"),
        limits={name: hard for name, _, hard in _LIMIT.findall(_text(place / "limits"))},
        mounts=mounts(_text(place / "mountinfo")),
        namespaces=_namespaces(place) or _namespaces(first),
        our_namespaces=_namespaces(proc / "self"),
        uid_map=" ".join(_text(place / "uid_map").split()),
        interfaces=_interfaces(place) or _interfaces(first),
        environment=_environment(place / "environ") or _environment(first / "environ"),
        confinement=_text(place / "attr/current").strip("\0\n "),
        oom_score_adj=_integer(place / "oom_score_adj"),
        cgroup=cgroup_limits(_text(place / "cgroup"), cgroups),
        landlock=landlock_version(),
        host_paths=frozenset(path for path in paths if Path(path).exists()),
    )


def pid_of(pidfd: int, *, proc: Path = _PROC) -> int | None:
    """Return the number of the process that a pidfd holds; None once it is dead."""
    text = _fields(_text(proc / "self/fdinfo" / str(pidfd))).get("Pid", "")
    return int(text) if text.isdigit() and int(text) > 0 else None


def landlock_version() -> int:
    """Return the version of Landlock that the running kernel offers; 0 for none."""
    found = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_LANDLOCK_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint(_LANDLOCK_VERSION)
    )
    return max(0, int(found))


def mounts(text: str) -> tuple[Mount, ...]:
    """Read mountinfo (proc(5)): optional fields end at a lone dash."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        where, what = left.split(" "), right.split(" ")
        if len(where) < 6 or len(what) < 3:
            continue
        found.append(
            Mount(
                point=_unescaped(where[4]),
                root=_unescaped(where[3]),
                options=frozenset(where[5].split(",")),
                kind=what[0],
                source=what[1],
                settings=frozenset(what[2].split(",")),
            )
        )
    return tuple(found)


def cgroup_limits(membership: str, root: Path) -> CgroupLimits:
    """Read the limits of a process's cgroup; `membership` is its /proc/<pid>/cgroup."""
    places = {}
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        places.update(dict.fromkeys(names.split(","), path.lstrip("/")))
    if (root / "cgroup.controllers").exists():
        return _unified(root / places.get("", ""))
    memory, pids, cpu = (root / name / places.get(name, "") for name in ("memory", "pids", "cpu"))
    limit, both = _integer(memory / "memory.limit_in_bytes"), _integer(memory / "memory.memsw.limit_in_bytes")
    quota, period = _integer(cpu / "cpu.cfs_quota_us"), _integer(cpu / "cpu.cfs_period_us")
    return CgroupLimits(
        version="1",
        memory_bytes=limit,
        swap_bytes=None if limit is None or both is None else both - limit,
        pids=_integer(pids / "pids.max"),
        cpus=quota / period if quota and quota > 0 and period else None,
    )


def _unified(place: Path) -> CgroupLimits:
    quota, _, period = _text(place / "cpu.max").strip().partition(" ")
    return CgroupLimits(
        version="2",
        memory_bytes=_integer(place / "memory.max"),
        swap_bytes=_integer(place / "memory.swap.max"),
        pids=_integer(place / "pids.max"),
        cpus=int(quota) / int(period) if quota.isdigit() and period.isdigit() else None,
    )


def _last_of_line(pid: int, proc: Path) -> int:
    for _ in range(_MAX_DEPTH):
        children = _text(proc / str(pid) / "task" / str(pid) / "children").split()
        if not children:
            break
        pid = int(children[0])
    return pid


def _namespaces(place: Path) -> dict[str, str]:
    found = {}
    for kind in NAMESPACES:
        with contextlib.suppress(OSError):
            found[kind] = (place / "ns" / kind).readlink().name
    return found


def _interfaces(place: Path) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"^ *(\S+):", _text(place / "net/dev"), re.MULTILINE)))


def environment_of(pid: int, *, proc: Path = _PROC) -> dict[str, str] | None:
    """Return the environment that a process was started with; None where it may not be read."""
    return _environment(proc / str(pid) / "environ")


def _environment(path: Path) -> dict[str, str] | None:
    try:
        entries = path.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    return {name: value for name, _, value in (entry.partition("=") for entry in entries if entry)}


def _fields(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def _integer_in(status: Mapping[str, str], key: str) -> int | None:
    word = (status.get(key) or "").split()[:1]
    return int(word[0]) if word and word[0].isdigit() else None


def _integer(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if re.fullmatch(r"-?\d+", text) else None


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 8)), text)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
