"""A container's own cgroup, below ours or above, wherever this user may make one: versions 1 and 2.

All of memory (with swap), processes and CPU can be bounded there, or it is not used at all: what is then left
is rlimits. Its name says whose it is, so that a later run can remove what a dead one left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config import Container as Limits
from orchestrator.errors import SandboxError
from orchestrator.sandbox.kernel import mounts
from orchestrator.sandbox.owner import Owner, is_dead, this_process

CONTROLLERS = ("memory", "pids", "cpu")
PREFIX = "assay."
PERIOD_US = 100_000  # of the CPU quota; the kernel's default
_MIB = 1024 * 1024
_END_SECONDS = 5.0  # for killed processes to be gone
_POLL_SECONDS = 0.005
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where cgroups of containers can be made."""

    unified: bool
    folders: tuple[Path, ...]  # one with version 2; with version 1 one per controller, in their order

    @property
    def version(self) -> str:
        return "2" if self.unified else "1"


class OwnCgroup:
    """One container's cgroup. `remove` must follow."""

    def __init__(self, place: Place, container_id: str, limits: Limits) -> None:
        """Make it and set its limits.

        Raises:
            OSError: this user may not, or the kernel cannot.
        """
        owner = this_process()
        name = f"{PREFIX}{owner.namespace}.{owner.pid}.{owner.start}.{container_id}"
        self.unified = place.unified
        self.folders = tuple(folder / name for folder in place.folders)
        self._limits = _files(place, limits)
        try:
            for folder in self.folders:
                folder.mkdir()
            for file, value in self._limits.items():
                self._path(file).write_text(value)
        except OSError:
            self.remove()
            raise

    @property
    def memory(self) -> Path:
        return self.folders[0]

    @property
    def entrances(self) -> tuple[str, ...]:
        """The files to which a process writes "0" to join."""
        return tuple(str(folder / "cgroup.procs") for folder in self.folders)

    def asked(self) -> Mapping[str, str]:
        """Return the limits as they were written: file -> value."""
        return self._limits

    def found(self, pid: int) -> Mapping[str, str]:
        """Return the limits as they are, if that process is bound by them."""
        if not all(str(pid) in (folder / "cgroup.procs").read_text().split() for folder in self.folders):
            return {}
        return {file: self._path(file).read_text().strip() for file in self._limits}

    def remove(self) -> None:
        """Kill what is left in it and remove it. Safe to repeat.

        Raises:
            SandboxError: the kernel does not let go of it.
        """
        for folder in self.folders:
            try:
                remove(folder)
            except OSError as error:
                raise SandboxError(f"{folder} cannot be removed: {error.strerror}") from error

    def _path(self, file: str) -> Path:
        index = 0 if self.unified else CONTROLLERS.index(file.split(".")[0])
        return self.folders[index] / file


def places(*, proc: Path = _PROC) -> Iterator[Place]:
    """Yield where it is worth a try: our own cgroup, and with version 2 those above it."""
    membership: dict[str, str] = {}  # the unified hierarchy's key is the empty string
    for line in (proc / "self/cgroup").read_text().splitlines():
        _, names, where = line.split(":", 2)
        membership.update(dict.fromkeys(names.split(","), where))
    found: dict[str, tuple[Path, Path]] = {}  # controller, or "" -> where its hierarchy is mounted, our folder there
    for mount in mounts((proc / "self/mountinfo").read_text()):
        keys = [""] if mount.kind == "cgroup2" else list(CONTROLLERS) if mount.kind == "cgroup" else []
        for key in keys:
            if key not in membership or (key and key not in mount.settings):
                continue
            path = Path(membership[key])
            inside = path.relative_to(mount.root) if path.is_relative_to(mount.root) else Path()
            found[key] = (Path(mount.point), Path(mount.point) / inside)
    if all(name in found for name in CONTROLLERS):
        yield Place(unified=False, folders=tuple(found[name][1] for name in CONTROLLERS))
    elif "" in found:
        top, own = found[""]
        for folder in (own, *own.parents):
            if folder.is_relative_to(top) and _enabled(folder):
                yield Place(unified=True, folders=(folder,))


def leftovers() -> Iterator[Path]:
    """Yield the cgroups of dead owners, wherever ours are made."""
    with contextlib.suppress(OSError):  # no /proc to tell where that is
        for folder in {folder for place in places() for folder in place.folders}:
            for left in sorted(folder.glob(f"{PREFIX}*")):
                owner = _owner_of(left.name)
                if owner is not None and is_dead(owner):
                    yield left


def remove(folder: Path) -> None:
    """Kill what is left in a cgroup and remove it. One that is gone is no error.

    Raises:
        OSError: the kernel does not let go of it.
    """
    deadline = time.monotonic() + _END_SECONDS
    while folder.exists():
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() >= deadline:
                raise
            _kill(folder)
            time.sleep(_POLL_SECONDS)


def _files(place: Place, limits: Limits) -> dict[str, str]:
    """Return file -> value, in the order in which they must be written."""
    memory, quota = limits.memory_mb * _MIB, max(1000, round(limits.cpus * PERIOD_US))
    if place.unified:
        swap = {"memory.swap.max": "0"} if _swap_here() else {}
        return {
            "memory.max": str(memory),
            **swap,
            "memory.oom.group": "1",
            "pids.max": str(limits.pids),
            "cpu.max": f"{quota} {PERIOD_US}",
        }
    with_swap = (place.folders[0] / "memory.memsw.limit_in_bytes").exists() or _swap_here()
    return {
        "memory.limit_in_bytes": str(memory),
        **({"memory.memsw.limit_in_bytes": str(memory)} if with_swap else {}),
        "pids.max": str(limits.pids),
        "cpu.cfs_period_us": str(PERIOD_US),
        "cpu.cfs_quota_us": str(quota),
    }


def _swap_here() -> bool:
    return len((_PROC / "swaps").read_text().splitlines()) > 1


def _enabled(folder: Path) -> bool:
    """Whether folders made here have the controllers. Enables nothing: that would change other people's cgroups."""
    try:
        return set(CONTROLLERS) <= set((folder / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False


def _owner_of(name: str) -> Owner | None:
    parts = name.removeprefix(PREFIX).split(".")
    return Owner.decode(":".join([this_process().boot, *parts[:3]])) if len(parts) == 4 else None


def _kill(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
