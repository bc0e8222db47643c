"""One container on a Docker engine: created as asked or not at all, compared, attached, started, removed.

The engine carries all three streams in one connection, framed; what is the same on every platform is
`container.py`'s.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.cgroup import Cgroup, holds
from orchestrator.sandbox.container import NAME_PREFIX, Container, Exit, Heard
from orchestrator.sandbox.engine import APIError, Client, DockerException, NotFound
from orchestrator.sandbox.engine_life import EngineLife
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.owner import LABEL_RUN, remove_container
from orchestrator.sandbox.settings import Order, container_request, differences, recorded

_POLL_SECONDS = 0.005  # between looks at the state of a container that is ending
_LEAST_SECONDS = 0.001  # zero would mean "do not wait at all"
_RECEIVE_BYTES = 64 * 1024
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_RUN_CHARS = 60  # of a container's name


class EngineContainer(Container):
    """A `Container` of a Docker engine. Made by `start`; `remove` must follow, whatever happens."""

    def __init__(self, client: Client, life: EngineLife, container_id: str, inspected: dict[str, Any]) -> None:
        """Open the connection that carries all three streams: before the start, so that no byte is missed."""
        super().__init__(container_id)
        self.effective = recorded(inspected)
        self._client = client
        self._life = life
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        stream: Any = client.api.attach_socket(container_id, params=wanted)
        self._response: Any = getattr(stream, "_response", stream)  # holds the connection open
        self._socket: socket.socket = stream if isinstance(stream, socket.socket) else stream._sock

    @staticmethod
    def start(client: Client, life: EngineLife, order: Order, config: RunConfig, facts: EngineFacts) -> EngineContainer:
        """Create, compare effective settings with the request, attach, start.

        Raises:
            SandboxError: the engine refused, or the settings differ (the fields are named).
        """
        request = container_request(order, config, facts)
        with engine_errors("a container cannot be created"):
            made = _create(client, request, order.image_id)
        container_id = str(made["Id"])
        try:
            with engine_errors("a container cannot be started"):
                inspected: dict[str, Any] = client.api.inspect_container(container_id)
                if different := differences(request, inspected):
                    raise SandboxError(
                        f"the engine did not grant what was asked: {'; '.join(different[:5])}",
                        remedy="`assay doctor` says what this engine cannot do",
                    )
                container = EngineContainer(client, life, container_id, inspected)
                client.api.start(container_id)
                container._find(int(client.api.inspect_container(container_id)["State"]["Pid"]))
                return container
        except BaseException:
            with contextlib.suppress(DockerException, OSError):
                remove_container(client, container_id)
            raise

    def send(self, frame: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(max(_LEAST_SECONDS, deadline - time.monotonic()))
            self._socket.sendall(frame)
        except OSError as error:
            raise SandboxError(f"container {self.id[:12]} does not read its job: {error}") from error

    def close_stdin(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def wait_dead(self, deadline: float) -> Exit | None:
        with engine_errors("a container's state cannot be read"):
            while True:
                state = self._client.api.inspect_container(self.id)["State"]
                if not state["Running"] and state["Status"] not in ("created", "running"):
                    oom = bool(state["OOMKilled"]) or self.reading.oom_kills > 0
                    return Exit(exit_code=int(state["ExitCode"]), oom_killed=oom)
                if time.monotonic() >= deadline:
                    return None
                time.sleep(_POLL_SECONDS)

    def remove(self) -> None:
        for stream in (self._socket, self._response):
            with contextlib.suppress(OSError):
                stream.close()
        self._end_init()  # an engine that is away removes nothing, and the program would run on
        self._release_init()
        with engine_errors("a container cannot be removed"):
            remove_container(self._client, self.id)

    def interference(self) -> str:
        return super().interference() or ("" if self._interrupted else self._life.interference(self.id))

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

    def _signal_kill(self) -> None:
        with engine_errors("a container cannot be killed"):
            try:
                self._client.api.kill(self.id)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise

    def _hang_up(self) -> None:
        """As promised; an engine that nobody reads from does not kill, it waits."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _listen(self, seconds: float) -> Heard:
        try:
            self._socket.settimeout(max(_LEAST_SECONDS, seconds))
            data = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            return Heard.NOTHING
        except OSError:
            return Heard.END  # the engine hung up: `wait_dead` finds out why
        self.streams.feed(data)
        return Heard.SOMETHING if data else Heard.END


@contextlib.contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turn whatever the engine or the connection to it raises into `SandboxError`."""
    try:
        yield
    except (DockerException, OSError) as error:
        raise SandboxError(
            f"{what}: {error}", remedy="is the engine running, and the disk not full? `assay doctor` looks"
        ) from error


def _create(client: Client, request: dict[str, Any], image_id: str) -> dict[str, Any]:
    """Create a container whose name shows its run. (To rename it for its program would take 11 ms; leases tell.)"""
    api: Any = client.api  # docker-py leaves this method untyped
    run = _NOT_IN_NAMES.sub("_", request["Labels"].get(LABEL_RUN, ""))[:_MAX_RUN_CHARS]
    name = f"{NAME_PREFIX}{run}-{uuid.uuid4().hex[:16]}"
    try:
        made: dict[str, Any] = api.create_container_from_config(request, name=name)
    except NotFound as error:  # of all that is asked for, only the image is looked up
        raise SandboxError(
            f"the image {image_id} is not on the engine any more", remedy="run `make image`, and start again"
        ) from error
    return made
