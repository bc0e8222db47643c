"""When each step of a container's life happened, by wrapping the product's methods in this process alone."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from orchestrator.sandbox import engine_container
from orchestrator.sandbox.container import Event
from orchestrator.sandbox.engine_container import EngineContainer

PHASES = (
    ("create", "asked", "created"),
    ("compare settings, attach, start", "created", "started"),
    ("Python, import torch, walls, until ready", "started", "ready"),
    ("handed over until running", "sent", "running"),
    ("the program, until it said done", "running", "done"),
    ("last measurement, end seen", "done", "dead"),
    ("remove", "dead", "removed"),
)
Stamps = dict[str, dict[str, float]]  # container id -> step -> seconds on the monotonic clock


@contextmanager
def clocked() -> Iterator[Stamps]:
    """Stamp every container that is started meanwhile; `cpu` holds the CPU seconds that it had used when done."""
    stamps: Stamps = defaultdict(dict)
    kept = {
        name: EngineContainer.__dict__.get(name) for name in ("send", "wait_ready", "follow", "wait_dead", "remove")
    }
    start, create = EngineContainer.__dict__["start"], engine_container._create
    setattr(engine_container, "_create", _creating(create, stamps))  # noqa: B010
    setattr(EngineContainer, "start", staticmethod(_stamped_start(start.__func__, stamps)))  # noqa: B010
    setattr(EngineContainer, "follow", _following(EngineContainer.follow, stamps))  # noqa: B010
    for name, before, after in (
        ("send", "sent", ""),
        ("wait_ready", "", "ready"),
        ("wait_dead", "", "dead"),
        ("remove", "", "removed"),
    ):
        setattr(EngineContainer, name, _stamping(getattr(EngineContainer, name), stamps, before, after))
    try:
        yield stamps
    finally:
        setattr(engine_container, "_create", create)  # noqa: B010
        setattr(EngineContainer, "start", start)  # noqa: B010
        for name, method in kept.items():
            if method is None:
                delattr(EngineContainer, name)
            else:
                setattr(EngineContainer, name, method)


def durations(stamps: Stamps) -> dict[str, list[float]]:
    """Return phase -> seconds, of containers that had a program; what a cell lacks is left out."""
    lives = [life for life in stamps.values() if "running" in life]
    return {
        phase: [life[end] - life[begin] for life in lives if begin in life and end in life]
        for phase, begin, end in PHASES
    }


def _creating(create: Callable[..., dict[str, Any]], stamps: Stamps) -> Callable[..., dict[str, Any]]:
    def creating(*args: Any) -> dict[str, Any]:
        asked = time.monotonic()
        made = create(*args)
        stamps[str(made["Id"])].update(asked=asked, created=time.monotonic())
        return made

    return creating


def _stamped_start(start: Callable[..., EngineContainer], stamps: Stamps) -> Callable[..., EngineContainer]:
    def starting(*args: Any) -> EngineContainer:
        container = start(*args)
        stamps[container.id]["started"] = time.monotonic()
        return container

    return starting


def _stamping(method: Callable[..., Any], stamps: Stamps, before: str, after: str) -> Callable[..., Any]:
    def stamped(self: EngineContainer, *args: Any, **named: Any) -> Any:
        if before:
            stamps[self.id].setdefault(before, time.monotonic())
        result = method(self, *args, **named)
        if after:
            stamps[self.id].setdefault(after, time.monotonic())
        return result

    return stamped


def _following(follow: Callable[..., Event], stamps: Stamps) -> Callable[..., Event]:
    """Stop once on the way, at the second message: `started`, said when the program is about to be loaded."""

    def following(self: EngineContainer, deadline: float, until: Callable[[Any], bool]) -> Event:
        life = stamps[self.id]
        if "sent" not in life or "running" in life:
            return follow(self, deadline, until)
        event = follow(self, deadline, lambda streams: len(streams.messages) > 1)
        if event is not Event.MET:
            return event
        life["running"] = time.monotonic()
        event = follow(self, deadline, until)
        if event is Event.MET:
            life["done"] = time.monotonic()
            if (used := _cpu_seconds(self.pid)) is not None:
                life["cpu"] = used
        return event

    return following


def _cpu_seconds(pid: int | None) -> float | None:
    """Return what a process's cgroup has used, on either version of cgroups; None where it cannot be read."""
    try:
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "cpuacct" in controllers.split(","):
                for mount in (controllers, "cpuacct"):
                    usage = Path(f"/sys/fs/cgroup/{mount}{path}/cpuacct.usage")
                    if usage.exists():
                        return int(usage.read_text()) / 1e9
            if not controllers:
                stat = Path(f"/sys/fs/cgroup{path}/cpu.stat")
                if stat.exists():
                    return int(stat.read_text().split()[1]) / 1e6
    except OSError:
        return None
    return None
