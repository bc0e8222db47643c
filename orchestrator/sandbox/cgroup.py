"""Reads a running container's memory peak, OOM kills and processes from the host's cgroup files.

Version 1 and 2. The files vanish with the container, so a reading is taken while it lives; what cannot
be read counts as unknown, never as a fault.

Which limit was it? The kernel counts a kill where its victim lived, and a limit that was reached where it
was set: a container that lost a process without reaching its own limit was killed for somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_LAST_BYTES = 2 * 1024 * 1024  # the kernel charges a huge page at most at once, so a peak may stop short of the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a container's cgroup. Zero is unknown."""

    peak_bytes: int = 0
    oom_kills: int = 0
    processes: int = 0
    limit_hits: int | None = None  # times that its own memory limit was reached; None is unknown

    def later(self, other: Reading) -> Reading:
        """Combine with a later look: peaks and counts only grow, processes are the latest known."""
        return Reading(
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
            oom_kills=max(self.oom_kills, other.oom_kills),
            processes=other.processes,
            limit_hits=self.limit_hits if other.limit_hits is None else other.limit_hits,
        )

    @property
    def starved_by_others(self) -> bool:
        """Whether the kernel was seen to kill here although the container's own limit had never been reached.

        False where that cannot be told. A kill that no look caught says nothing of the limit either: the
        counters that were read last may be older than both.
        """
        return self.oom_kills > 0 and self.limit_hits == 0


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
        self._take(memory if own else None, unified)  # the root's numbers are the host's, not the container's

    @classmethod
    def at(cls, memory: Path, *, unified: bool) -> Cgroup:
        """Return one whose memory controller's folder is known."""
        cgroup = cls.__new__(cls)
        cgroup._take(memory, unified)
        return cgroup

    def _take(self, memory: Path | None, unified: bool) -> None:
        self._memory = memory
        self._peak_name = "memory.peak" if unified else "memory.max_usage_in_bytes"
        self._events_name = "memory.events" if unified else "memory.oom_control"
        self._unified = unified

    def kills(self) -> int:
        """Only count the processes that the kernel killed here for memory: a look that costs next to nothing."""
        return _field(self._memory / self._events_name, "oom_kill") or 0 if self._memory is not None else 0

    def read(self) -> Reading:
        """Look once."""
        if self._memory is None:
            return Reading()
        kills = self.kills()
        return Reading(
            peak_bytes=_number(self._memory / self._peak_name),
            oom_kills=kills,
            limit_hits=self._limit_hits(self._memory),  # after the kills: what led to one is then counted
            processes=len(_text(self._memory / "cgroup.procs").split()),
        )

    def _limit_hits(self, memory: Path) -> int | None:
        """Version 2 counts the hits that nothing could be freed for, version 1 all of them, for memory and for swap.

        Linux 6 counts none of version 1's where the limit with swap is the one that was hit: the peak tells then.
        """
        if self._unified:
            return _field(memory / "memory.events", "oom")
        counts = [_count(memory / name) for name in ("memory.failcnt", "memory.memsw.failcnt")]
        known = [count for count in counts if count is not None]
        if not known:
            return None
        peak, limit = (_count(memory / f"memory.{name}_in_bytes") for name in ("max_usage", "limit"))
        reached = peak is not None and limit is not None and peak >= limit - _LAST_BYTES
        return max(sum(known), int(reached))


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
    return _count(path) or 0


def _count(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _field(path: Path, name: str) -> int | None:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return None
