"""Reads a running container's memory peak, OOM kills and processes from the host's cgroup files.

Version 1 and 2. The files vanish with the container, so a reading is taken while it lives; what cannot
be read counts as unknown (0), never as a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a container's cgroup. Zero is unknown."""

    peak_bytes: int = 0
    oom_kills: int = 0
    processes: int = 0

    def later(self, other: Reading) -> Reading:
        """Combine with a later look: peaks and counts only grow, processes are the latest known."""
        return Reading(
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            oom_kills=max(self.oom_kills, other.oom_kills),
            processes=other.processes,
        )


def holds(pid: int, container_id: str, *, proc: Path = _PROC) -> bool:
    """Whether a process of this machine is the container's: an engine elsewhere counts its processes elsewhere."""
    return container_id in _text(proc / str(pid) / "cgroup")


class Cgroup:
    """The cgroup of a container, found through its first process's id on this machine."""

    def __init__(self, pid: int, *, proc: Path = _PROC, root: Path = _ROOT) -> None:
        paths = _controllers(proc / str(pid) / "cgroup")
        unified = (root / "cgroup.controllers").exists()
        memory = (
            root / paths.get("", "").lstrip("/") if unified else root / "memory" / paths.get("memory", "").lstrip("/")
        )
        own = bool(paths.get("" if unified else "memory", "").strip("/"))
        self._memory = memory if own else None  # the root's numbers are the host's, not the container's
        self._peak_name = "memory.peak" if unified else "memory.max_usage_in_bytes"
        self._events_name = "memory.events" if unified else "memory.oom_control"

    def read(self) -> Reading:
        """Look once."""
        if self._memory is None:
            return Reading()
        return Reading(
            peak_bytes=_number(self._memory / self._peak_name),
            oom_kills=_field(self._memory / self._events_name, "oom_kill"),
            processes=len(_text(self._memory / "cgroup.procs").split()),
        )


def _controllers(path: Path) -> dict[str, str]:
    """Return controller -> path; the unified hierarchy's controller is the empty string."""
    found = {}
    for line in _text(path).splitlines():
        _, _, rest = line.partition(":")
        names, _, place = rest.partition(":")
        for name in names.split(","):
            found[name] = place
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path).strip()
    return int(text) if text.isdigit() else 0


def _field(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return 0
