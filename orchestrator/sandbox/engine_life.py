"""One life of the engine, and what the engine did to a container while it lasted.

An engine that is stopped ends its containers, and one that is restarted ends those of its earlier life: what
a program's exit status shows then is not the program's doing. The engine's own events tell which signals it
sent; a connection that is as old as the container tells whether the engine is still the one that started it.
"""

from __future__ import annotations

import contextlib
import json
import select
import time
from collections.abc import Callable
from typing import Any

from orchestrator.errors import PreflightError, SandboxError
from orchestrator.sandbox.engine import Client, DockerException, connect, open_events

RETURN_SECONDS = 60.0  # that a program waits for an engine that went away, before the run gives up
_ANSWER_SECONDS = 10.0  # for one question to an engine that has just answered another
_ASK_SECONDS = 0.25  # between two tries to reach one that does not answer
_NOTHING = '{"type":["none"]}'  # matches no event: only the stream's end is of interest


class EngineLife:
    """A connection to the engine that stays open, silent, for as long as the engine lives."""

    def __init__(self, client: Client) -> None:
        """Open it; the engine has begun to answer when this returns."""
        api: Any = client.api
        self._response = open_events(client, timeout=None, filters=_NOTHING)
        self._stream = api._get_raw_response_socket(self._response)
        self._over = False

    @property
    def over(self) -> bool:
        """Whether the engine has ended since, or begun to."""
        if not self._over:
            watch = select.poll()  # one of our own: two threads may not wait on the same
            watch.register(self._stream, select.POLLIN)
            self._over = bool(watch.poll(0))  # anything at all is the stream's end: no event matches
        return self._over

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._response.close()

    def interference(self, container_id: str) -> str:
        """Say what the engine did to a container that is dead, or what became of the engine; empty for nothing."""
        try:
            fresh = connect(_ANSWER_SECONDS)  # one that is about to end takes no new connection
        except PreflightError:
            return "the engine went away under a program"
        try:
            if self.over:
                return "the engine was restarted under a program"
            sent = _signals(fresh, container_id)
        except (DockerException, OSError) as error:
            return f"the engine does not say what became of a container: {error}"
        finally:
            fresh.close()
        return f"the engine sent a container signal {', '.join(sent)}" if sent else ""


def wait_for_engine(stopped: Callable[[], bool], *, seconds: float = RETURN_SECONDS) -> None:
    """Return when the engine answers, or soon after `stopped`.

    Raises:
        SandboxError: it does not, in that time.
    """
    deadline = time.monotonic() + seconds
    while not stopped():
        try:
            connect(_ANSWER_SECONDS).close()
        except PreflightError as error:
            if time.monotonic() >= deadline:
                raise SandboxError(f"for {seconds:g} s, {error.what}", remedy=error.remedy) from error
            time.sleep(_ASK_SECONDS)
        else:
            return


def _signals(client: Client, container_id: str) -> list[str]:
    """Return the signals that the engine sent, from its events up to the container's death."""
    filters = json.dumps({"container": [container_id], "event": ["kill", "die"]})
    response = open_events(client, timeout=_ANSWER_SECONDS, since="1", filters=filters)
    sent = []
    try:
        for event in map(json.loads, response.iter_lines()):
            if event["Action"] == "die":
                break
            sent.append(str(event["Actor"]["Attributes"].get("signal", "?")))
    finally:
        response.close()
    return sent
