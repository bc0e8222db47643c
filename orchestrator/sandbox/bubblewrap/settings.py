"""What is asked of the kernel for one container in bubblewrap, and what must come back of it.

Pure: writes down the command and the facts that must follow from it. Bubblewrap has no say in the comparison:
what a container got is read from the kernel (`kernel.py`), before any program comes, and every difference
refuses the start with the field named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.bubblewrap.launch import STAGE, TMP_STAGE
from orchestrator.sandbox.bubblewrap.root import ASSAY, PYTHON, STDLIB, Root
from orchestrator.sandbox.kernel import NAMESPACES, Kernel
from orchestrator.sandbox.settings import (
    HOSTNAME,
    MASKED_PATHS,
    MIB,
    OOM_SCORE,
    READONLY_PATHS,
    TMPFS_INODES,
    Order,
    environment,
    ulimits,
)
from sandbox_image.protocol import OUTPUT_PATH

SECCOMP_FD, INFO_FD = 3, 4  # in bubblewrap; never in a container
INPUTS = "/inputs"
_TMP = "/tmp"  # noqa: S108  (the container's own)
_TMP_OPTIONS = ("noexec", "nosuid", "nodev")
_DEVICES = ("full", "null", "random", "urandom", "zero")
_SITE_PACKAGES = f"{STDLIB}/site-packages"  # the host's own: covered
_ADDED = "PWD"  # bubblewrap's own addition to the environment
# The engine's names for limits -> this module's `resource`'s, and the kernel's in /proc/<pid>/limits.
_LIMITS = {
    "core": ("RLIMIT_CORE", "Max core file size"),
    "cpu": ("RLIMIT_CPU", "Max cpu time"),
    "fsize": ("RLIMIT_FSIZE", "Max file size"),
    "nofile": ("RLIMIT_NOFILE", "Max open files"),
    "stack": ("RLIMIT_STACK", "Max stack size"),
}
PROCESSES, ADDRESS_SPACE = "Max processes", "Max address space"  # only where there is no cgroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of the host, and where the container sees it."""

    source: Path
    inside: str
    writable: bool = False
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One container, ready to be started, and what the kernel must show of it then."""

    spec: Mapping[str, Any]  # `launch.py`'s, but for the parent's process number
    asked: Mapping[str, Any]


def request(
    order: Order, config: RunConfig, root: Root, *, bwrap: str, as_root: bool, entrances: tuple[str, ...]
) -> Request:
    """Return what to start for an order. `entrances` are the files that make a process join the cgroup.

    Raises:
        SandboxError: a model is to be seen where none may be.
    """
    binds = _binds(order, root)
    masked = _masks()
    wanted = environment(config, walls=order.walls)
    tmpfs = f"size={config.container.tmpfs_mb * MIB},nr_inodes={TMPFS_INODES},mode=1777"
    limits = ulimits(order, config)
    spec = {
        "cgroups": list(entrances),
        "uid": order.uid,
        "binds": [[str(bind.source.absolute()), str(index), bind.executable] for index, bind in enumerate(binds)],
        "tmpfs": tmpfs,
        "rlimits": {_LIMITS[name][0]: value for name, value in limits.items()},
        "command": [bwrap, *_arguments(order.uid, wanted, binds, masked), *_program(order.module)],
    }
    asked = {
        "uid": [order.uid],
        "gid": [order.uid] if as_root else None,
        "groups": [] if as_root else None,
        "no_new_privileges": 1,
        "filters": [1, 2 if order.walls and order.module == "runner" else 1],  # a cell's child walls itself in later
        "capabilities": "0",
        "own_namespaces": sorted(NAMESPACES),
        "interfaces": ["lo"],
        "oom_score_adj": OOM_SCORE,
        "environment": wanted,
        "limits": {_LIMITS[name][1]: str(value) for name, value in limits.items()},
        "writable_mounts": sorted(_writable(binds)),
        "read_only_mounts": sorted({*_read_only(binds), *masked, *(path for path, _ in _covered())}),
        "tmp": [f"nr_inodes={TMPFS_INODES}", f"size={config.container.tmpfs_mb * MIB // 1024}k", *_TMP_OPTIONS],
    }
    return Request(spec=spec, asked=asked)


def found(kernel: Kernel, *, as_root: bool) -> dict[str, Any]:
    """Return the same facts of a container as the kernel shows them."""
    points = {mount.point: mount for mount in kernel.mounts}  # of several at one point the last
    tmp = points.get(_TMP)
    named = kernel.environment or {}
    settings = () if tmp is None else tmp.settings
    return {
        "uid": _ids(kernel, "Uid"),
        "gid": _ids(kernel, "Gid") if as_root else None,
        "groups": _ids(kernel, "Groups") if as_root else None,
        "no_new_privileges": kernel.number("NoNewPrivs"),
        "filters": _filters(kernel),
        "capabilities": f"{kernel.capabilities:x}" if kernel.capabilities is not None else "unknown",
        "own_namespaces": sorted(kind for kind in NAMESPACES if kernel.private(kind)),
        "interfaces": list(kernel.interfaces),
        "oom_score_adj": kernel.oom_score_adj,
        "environment": {name: value for name, value in named.items() if name != _ADDED},
        "limits": dict(kernel.limits),
        "writable_mounts": sorted(point for point, mount in points.items() if not mount.read_only),
        "read_only_mounts": sorted(point for point, mount in points.items() if mount.read_only),
        "tmp": [
            *sorted(text for text in settings if text.startswith(("size=", "nr_inodes="))),
            *(name for name in _TMP_OPTIONS if tmp is not None and name in tmp.options),
        ],
    }


def _filters(kernel: Kernel) -> list[int]:
    """Return how many filters each has beyond ours: the first process, and the one that runs programs."""
    counts = [kernel.number_of_init("Seccomp_filters"), kernel.number("Seccomp_filters")]
    return [(count or 0) - (kernel.our_filters or 0) for count in counts]


def differences(asked: Mapping[str, Any], effective: Mapping[str, Any]) -> list[str]:
    """Name every field in which a container differs from its request; of limits, those that were asked for."""
    problems = []
    for name, wanted in asked.items():
        got = effective.get(name)
        if name == "limits":
            got = {key: (got or {}).get(key) for key in wanted}
        if isinstance(wanted, Mapping) and isinstance(got, Mapping):
            keys = sorted(key for key in {*wanted, *got} if wanted.get(key) != got.get(key))
            problems += [f"{name}.{key}: asked {wanted.get(key)}, effective {got.get(key)}" for key in keys]
        elif wanted != got:
            problems.append(f"{name}: asked {_short(wanted, got)}, effective {_short(got, wanted)}")
    return problems


def recorded(effective: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts for the record: of the environment its names."""
    return {**effective, "environment": sorted(effective["environment"])}


def _binds(order: Order, root: Root) -> list[Bind]:
    binds = [Bind(source=root.base, inside="/", executable=True)]
    binds += [Bind(source=path, inside=inside, executable=True) for path, inside in root.binds]
    binds += [Bind(source=root.source / name, inside=f"{ASSAY}/{name}") for name in ("sandbox_image", "policies")]
    for path, inside in order.inputs:
        if not inside.startswith(f"{INPUTS}/") or ".." in inside.split("/"):
            raise SandboxError(f"model {path}: expected a place below {INPUTS}, found {inside}")
        binds.append(Bind(source=path, inside=inside))
    if order.output is not None:
        binds.append(Bind(source=order.output, inside=OUTPUT_PATH, writable=True))
    return binds


def _arguments(uid: int, wanted: Mapping[str, str], binds: list[Bind], masked: list[str]) -> list[str]:
    """Return bubblewrap's own arguments; what is mounted first is covered by what comes later."""
    staged = {bind.inside: f"{STAGE}/{index}" for index, bind in enumerate(binds)}
    arguments = ["--unshare-all", "--unshare-user", "--disable-userns", "--uid", str(uid), "--gid", str(uid)]
    arguments += ["--hostname", HOSTNAME, "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in sorted(wanted.items()):
        arguments += ["--setenv", name, value]
    inputs = [bind for bind in binds if bind.inside.startswith(f"{INPUTS}/")]
    for bind in (bind for bind in binds if bind not in inputs):
        arguments += ["--bind" if bind.writable else "--ro-bind", staged[bind.inside], bind.inside]
    arguments += _empty(_SITE_PACKAGES)
    arguments += ["--tmpfs", INPUTS]
    for bind in inputs:
        arguments += ["--ro-bind", staged[bind.inside], bind.inside]
    arguments += ["--remount-ro", INPUTS, "--tmpfs", "/dev"]
    for name in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    arguments += ["--remount-ro", "/dev", "--proc", "/proc"]
    for path, replacement in _covered():
        arguments += ["--ro-bind", replacement, path]
    for path in masked:
        arguments += _empty(path) if Path(path).is_dir() else ["--ro-bind", "/dev/null", path]
    arguments += ["--bind", TMP_STAGE, _TMP, "--chdir", "/"]
    return [*arguments, "--seccomp", str(SECCOMP_FD), "--info-fd", str(INFO_FD), "--"]


def _program(module: str) -> list[str]:
    return [PYTHON, "-B", "-m", f"sandbox_image.{module}"]


def _empty(path: str) -> list[str]:
    return ["--tmpfs", path, "--remount-ro", path]


def _masks() -> list[str]:
    """Return what is covered of the container's own /proc; of /sys and the rest of /dev it has nothing at all."""
    return [path for path in MASKED_PATHS if path.startswith("/proc/") and Path(path).exists()]


def _covered() -> list[tuple[str, str]]:
    """Return what of /proc is seen read-only: the host's, which is the same there."""
    return [(path, path) for path in READONLY_PATHS if Path(path).exists()]


def _writable(binds: list[Bind]) -> set[str]:
    return {bind.inside for bind in binds if bind.writable} | {_TMP, "/proc", *(f"/dev/{name}" for name in _DEVICES)}


def _read_only(binds: list[Bind]) -> set[str]:
    return {bind.inside for bind in binds if not bind.writable} | {"/dev", INPUTS, _SITE_PACKAGES}


def _ids(kernel: Kernel, key: str) -> list[int]:
    return sorted({int(word) for word in kernel.status.get(key, "").split()})


def _short(value: Any, other: Any) -> str:
    """Of two long lists show where they differ."""
    if isinstance(value, list) and isinstance(other, list) and len(value) > 8:
        return str(sorted(set(value) - set(other)))
    return str(value)
