"""One container from started to removed, whatever makes it: talked to, followed, measured, ended.

Knows no engine (`engine_container.py` does), no jobs and no verdicts. Every failure of the platform leaves
here as `SandboxError`; what a program does inside is left for the caller to read from streams, exit status
and readings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from orchestrator.errors import SandboxError
from orchestrator.sandbox.cgroup import Cgroup, Reading
from orchestrator.sandbox.ending import ended_by_kill, has_ended
from orchestrator.sandbox.kernel import pid_of
from orchestrator.sandbox.streams import Streams

NAME_PREFIX = "assay-"
KILL_SECONDS = 30.0  # a killed container that is not dead by then is the platform's fault
TICK_SECONDS = 0.05  # between looks at the cgroup
GLANCE_SECONDS = 0.005  # between glances at its kills: killed for memory, a container is gone 20 ms later
DRAIN_SECONDS = 0.2  # for what a container has said before it is killed; it may be talking without end


INNER_FILTER, LANDLOCK = "inner-seccomp", "landlock"  # as sandbox_image/walls.py names them, there with a version


class Event(Enum):
    """Why `follow` returned."""

    MET = "the condition that the caller waits for"
    ENDED = "the container closed its streams"
    FLOODED = "more output than is allowed"
    STARVED = "the kernel killed a process of it for its memory"
    LATE = "the deadline passed"


class Heard(Enum):
    """What came of listening for a while."""

    SOMETHING = "bytes came, and are in the streams"
    NOTHING = "nothing came in time"
    END = "nothing will come any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a container ended, as the platform tells."""

    exit_code: int
    oom_killed: bool


class Container(ABC):
    """A started container with its streams attached; `remove` must follow, whatever happens."""

    def __init__(self, container_id: str) -> None:
        self.id = container_id
        self.effective: Mapping[str, Any] = {}  # the settings as granted: JSON, no floats
        self.streams = Streams()
        self.reading = Reading()
        self.created_at = time.monotonic()
        self.startup_seconds = 0.0
        self.walls: tuple[str, ...] = ()  # what stood inside before any program came, as it said then
        self.environment: Mapping[str, str] | None = None  # where it was read before the container hid it from us
        self._measured_at = 0.0
        self._cgroup: Cgroup | None = None
        self._interrupted = False
        self._holding = threading.Lock()
        self._init: int | None = None  # a pidfd of the container's first process, where it is this machine's

    @abstractmethod
    def send(self, frame: bytes, deadline: float) -> None:
        """Hand a frame over whole.

        Raises:
            SandboxError: the container does not take it.
        """

    @abstractmethod
    def close_stdin(self) -> None:
        """End the container's stdin."""

    @abstractmethod
    def wait_dead(self, deadline: float) -> Exit | None:
        """Wait until it is certainly dead; None if the deadline passes first."""

    @abstractmethod
    def remove(self) -> None:
        """Remove it, dead or alive. Safe to repeat."""

    @abstractmethod
    def _listen(self, seconds: float) -> Heard:
        """Put what has come into the streams, waiting that long for it at most."""

    @abstractmethod
    def _hang_up(self) -> None:
        """Close the connection to it."""

    @abstractmethod
    def _signal_kill(self) -> None:
        """Send SIGKILL where the first process cannot be reached directly; one that is dead is no error."""

    def wait_ready(self, seconds: float, *, walls: Sequence[str]) -> None:
        """Wait for `ready`; nothing hostile can be in the container yet, so what it says is believed.

        `walls` are the parts of the second wall that have to stand.

        Raises:
            SandboxError: it ended or said something else first, took longer, or lacks one of them.
        """
        event = self.follow(time.monotonic() + seconds, lambda streams: bool(streams.messages))
        said = [message.kind for message in self.streams.messages]
        if event is not Event.MET or said != ["ready"]:
            self.streams.finish()
            raise SandboxError(
                f"container {self.id[:12]} was not ready ({event.value}; it said {said}): "
                f"{(self.streams.stderr.text or self.streams.stdout.text)[-500:]}",
                remedy="is the image current (`make image`), and [container] startup_seconds enough here?",
            )
        self.startup_seconds = time.monotonic() - self.created_at
        self.walls = tuple(self.streams.messages[0].walls.split(","))
        if missing := [part for part in walls if not any(one.startswith(part) for one in self.walls)]:
            raise SandboxError(
                f"container {self.id[:12]}: {', '.join(missing)} not in effect (inside stands: "
                f"{self.streams.messages[0].walls or 'nothing'})",
                remedy="run `make image`; `assay doctor` shows what is in effect",
            )

    def follow(self, deadline: float, until: Callable[[Streams], bool]) -> Event:
        """Take what the container says until `until` holds, it ends, it floods, or the deadline passes."""
        while not until(self.streams):
            if self.streams.flooded:
                return Event.FLOODED
            left = deadline - time.monotonic()
            if left <= 0:
                return Event.LATE
            heard = self._listen(min(left, GLANCE_SECONDS))
            due = heard is Heard.END or time.monotonic() >= self._measured_at + TICK_SECONDS
            if due or (self._cgroup is not None and self._cgroup.kills()):
                self.measure()
            if self.reading.oom_kills:
                return Event.STARVED
            if heard is Heard.END:
                self.streams.finish()
                return Event.FLOODED if self.streams.flooded else Event.ENDED
        return Event.MET

    def measure(self) -> Reading:
        """Look at the container's cgroup; what cannot be read leaves the last reading."""
        self._measured_at = time.monotonic()
        if self._cgroup is not None:
            self.reading = self.reading.later(self._cgroup.read())
        return self.reading

    def kill(self) -> Exit:
        """End every process in it, and wait.

        Raises:
            SandboxError: the platform cannot.
        """
        self._drain()
        self._hang_up()
        self.interrupt()
        ended = self.wait_dead(time.monotonic() + KILL_SECONDS)
        if ended is None:
            raise SandboxError(f"container {self.id[:12]} is alive {KILL_SECONDS:g} s after it was killed")
        self.measure()
        return ended

    def _drain(self) -> None:
        """Take what it has said, for `DRAIN_SECONDS` at most."""
        enough = time.monotonic() + DRAIN_SECONDS
        while not self.streams.flooded and time.monotonic() < enough:
            if self._listen(0.0) is not Heard.SOMETHING:
                break
        self.streams.finish()

    @property
    def pid(self) -> int | None:
        """The number of its first process here; None where that is dead or another machine's."""
        return None if self._init is None else pid_of(self._init)

    def interrupt(self) -> None:
        """Send SIGKILL and return at once; one that is dead already is no error. For other threads too.

        To its first process directly, where we may: the kernel ends all others with it, and an engine that is
        slow or starved by what runs in the container has no say. The platform's own way otherwise.
        """
        self._interrupted = True
        if not self._end_init():
            self._signal_kill()

    def waits(self) -> bool:
        """Whether it is as it was when it became ready: alive, its connection open, nothing said since."""
        return not (self._init is not None and has_ended(self._init)) and self._listen(0.0) is Heard.NOTHING

    def interference(self) -> str:
        """Say what the platform did to one that is dead and was not ended by us; empty where nothing was seen."""
        if self._interrupted or self._init is None or not ended_by_kill(self._init):
            return ""
        return "a container's first process was killed from outside"

    def _end_init(self) -> bool:
        """Kill the first process, and so all others; False where it is not ours to reach."""
        with self._holding:  # a descriptor that is let go of may be another container's the next moment
            if self._init is None:
                return False
            with contextlib.suppress(ProcessLookupError):  # dead already
                try:
                    signal.pidfd_send_signal(self._init, signal.SIGKILL)
                except PermissionError:
                    return False
            return True

    def _release_init(self) -> None:
        """Let go of the first process. Safe to repeat."""
        with self._holding:
            init, self._init = self._init, None
        if init is not None:
            os.close(init)
