"""One container from create to removed: started as asked or not at all, talked to, ended, measured.

Knows nothing of jobs or verdicts. Every failure of the engine leaves here as `SandboxError`; what a
program does inside is left for the caller to read from streams, exit status and readings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.cgroup import Cgroup, Reading, holds
from orchestrator.sandbox.engine import APIError, Client, DockerException
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.owner import remove_container
from orchestrator.sandbox.settings import Order, container_request, differences, recorded
from orchestrator.sandbox.streams import Streams

NAME_PREFIX = "assay-"
KILL_SECONDS = 30.0  # a killed container that is not dead by then is the engine's fault
_DRAIN_SECONDS = 0.2  # for what a container has said before it is killed; it may be talking without end
_TICK_SECONDS = 0.05  # between looks at the cgroup
_POLL_SECONDS = 0.005  # between looks at the state of a container that is ending
_LEAST_SECONDS = 0.001  # zero would mean "do not wait at all"
_RECEIVE_BYTES = 64 * 1024


class Event(Enum):
    """Why `follow` returned."""

    MET = "the condition that the caller waits for"
    ENDED = "the container closed its streams"
    FLOODED = "more output than is allowed"
    STARVED = "the kernel killed a process of it for its memory"
    LATE = "the deadline passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a container ended, as engine and kernel tell."""

    exit_code: int
    oom_killed: bool


class Container:
    """A started container with its streams attached. Made by `start`; `remove` must follow, whatever happens."""

    def __init__(self, client: Client, container_id: str, inspected: dict[str, Any]) -> None:
        """Open the connection that carries all three streams: before the start, so that no byte is missed."""
        self.id = container_id
        self.effective = recorded(inspected)
        self.streams = Streams()
        self.reading = Reading()
        self.created_at = time.monotonic()
        self.startup_seconds = 0.0
        self._measured_at = 0.0
        self._client = client
        self._cgroup: Cgroup | None = None
        self._init: int | None = None  # a pidfd of the container's first process
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream: Any = client.api.attach_socket(container_id, params=wanted)
        self._response: Any = getattr(stream, "_response", stream)  # holds the connection open
        self._socket: socket.socket = stream if isinstance(stream, socket.socket) else stream._sock

    @staticmethod
    def start(client: Client, order: Order, config: RunConfig, facts: EngineFacts) -> Container:
        """Create, compare effective settings with the request, attach, start.

        Raises:
            SandboxError: the engine refused, or the settings differ (the fields are named).
        """
        request = container_request(order, config, facts)
        with engine_errors("a container cannot be created"):
            made = _create(client, request)
        container_id = str(made["Id"])
        try:
            with engine_errors("a container cannot be started"):
                inspected: dict[str, Any] = client.api.inspect_container(container_id)
                if different := differences(request, inspected):
                    raise SandboxError(
                        f"the engine did not grant what was asked: {'; '.join(different[:5])}",
                        remedy="`assay doctor` says what this engine cannot do",
                    )
                container = Container(client, container_id, inspected)
                client.api.start(container_id)
                container._find(int(client.api.inspect_container(container_id)["State"]["Pid"]))
                return container
        except BaseException:
            with contextlib.suppress(DockerException, OSError):
                remove_container(client, container_id)
            raise

    def wait_ready(self, seconds: float) -> None:
        """Wait for `ready`; nothing hostile can be in the container yet.

        Raises:
            SandboxError: it ended or said something else first, or took longer.
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

    def send(self, frame: bytes, deadline: float) -> None:
        """Hand a frame over whole.

        Raises:
            SandboxError: the container does not take it.
        """
        try:
            self._socket.settimeout(max(_LEAST_SECONDS, deadline - time.monotonic()))
            self._socket.sendall(frame)
        except OSError as error:
            raise SandboxError(f"container {self.id[:12]} does not read its job: {error}") from error

    def close_stdin(self) -> None:
        """End the container's stdin."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def follow(self, deadline: float, until: Callable[[Streams], bool]) -> Event:
        """Take what the container says until `until` holds, it ends, it floods, or the deadline passes."""
        while not until(self.streams):
            if self.streams.flooded:
                return Event.FLOODED
            left = deadline - time.monotonic()
            if left <= 0:
                return Event.LATE
            data = self._receive(min(left, _TICK_SECONDS))
            if not data or time.monotonic() >= self._measured_at + _TICK_SECONDS:
                self.measure()
            if data:
                self.streams.feed(data)
            if self.reading.oom_kills:
                return Event.STARVED
            if data == b"":
                self.streams.finish()
                return Event.FLOODED if self.streams.flooded else Event.ENDED
        return Event.MET

    def measure(self) -> Reading:
        """Look at the container's cgroup; what cannot be read leaves the last reading."""
        self._measured_at = time.monotonic()
        if self._cgroup is not None:
            self.reading = self.reading.later(self._cgroup.read())
        return self.reading

    def wait_dead(self, deadline: float) -> Exit | None:
        """Wait until the engine says that it is dead; None if the deadline passes first."""
        with engine_errors("a container's state cannot be read"):
            while True:
                state = self._client.api.inspect_container(self.id)["State"]
                if not state["Running"] and state["Status"] not in ("created", "running"):
                    oom = bool(state["OOMKilled"]) or self.reading.oom_kills > 0
                    return Exit(exit_code=int(state["ExitCode"]), oom_killed=oom)
                if time.monotonic() >= deadline:
                    return None
                time.sleep(_POLL_SECONDS)

    def kill(self) -> Exit:
        """End every process in it, and wait.

        Raises:
            SandboxError: the engine cannot.
        """
        self._hang_up()
        self.interrupt()
        ended = self.wait_dead(time.monotonic() + KILL_SECONDS)
        if ended is None:
            raise SandboxError(f"container {self.id[:12]} is alive {KILL_SECONDS:g} s after it was killed")
        self.measure()
        return ended

    def interrupt(self) -> None:
        """Send SIGKILL and return at once; one that is dead already is no error. For other threads too.

        To its first process directly, where we may: the kernel ends all others with it, and an engine that is
        slow or starved by what runs in the container has no say. Through the engine otherwise.
        """
        if self._init is not None:
            try:
                signal.pidfd_send_signal(self._init, signal.SIGKILL)
            except ProcessLookupError:
                return
            except OSError:
                pass
            else:
                return
        with engine_errors("a container cannot be killed"):
            try:
                self._client.api.kill(self.id)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise

    def remove(self) -> None:
        """Remove it, dead or alive. Safe to repeat."""
        for stream in (self._socket, self._response):
            with contextlib.suppress(OSError):
                stream.close()
        if self._init is not None:
            os.close(self._init)
            self._init = None
        with engine_errors("a container cannot be removed"):
            remove_container(self._client, self.id)

    def _find(self, pid: int) -> None:
        """Hold on to the container's first process and its cgroup, if they are this machine's."""
        if pid == 0:
            return
        with contextlib.suppress(OSError):
            init = os.pidfd_open(pid)
            if holds(pid, self.id):  # after opening: the number cannot have passed to another process since
                self._init, self._cgroup = init, Cgroup(pid)
            else:
                os.close(init)

    def _hang_up(self) -> None:
        """Take what has come and close the connection: an engine that nobody reads from does not kill, it waits."""
        enough = time.monotonic() + _DRAIN_SECONDS
        while not self.streams.flooded and time.monotonic() < enough and (data := self._receive(0.0)):
            self.streams.feed(data)
        self.streams.finish()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _receive(self, seconds: float) -> bytes | None:
        """Return what has come, b"" at the end of the connection, None if nothing came in time."""
        try:
            self._socket.settimeout(max(_LEAST_SECONDS, seconds))
            return self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return None
        except OSError:
            return b""  # the engine hung up: `wait_dead` finds out why


@contextlib.contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn whatever the engine or the connection to it raises into `SandboxError`."""
    try:
        yield
    except (DockerException, OSError) as error:
        raise SandboxError(
            f"{what}: {error}", remedy="is the engine running, and the disk not full? `assay doctor` looks"
        ) from error


def _create(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    api: Any = client.api  # docker-py leaves this method untyped
    made: dict[str, Any] = api.create_container_from_config(request, name=NAME_PREFIX + uuid.uuid4().hex[:16])
    return made
