"""One program's stay in one container that waits for it: handed over, followed, measured, ended.

Says what the host saw and what the container had said; what that means is `failure.py`'s question.
"""

from __future__ import annotations

import time
from dataclasses import replace

from orchestrator.sandbox.container import Container, Event
from orchestrator.sandbox.failure import Facts
from orchestrator.sandbox.observed import Ended
from sandbox_image.protocol import RunJob, encode_frame

_OWN_PROCESSES = 2  # init and the runner
OWN_END_SECONDS = 10.0  # after the deadline, a runner whose orchestrator has died ends itself


def converse(container: Container, job: RunJob, timeout_seconds: float) -> Ended:
    """Hand the program over and stay with it until it is dead.

    Raises:
        SandboxError: the platform lost hold of the container.
    """
    handed_over = time.monotonic()
    deadline = handed_over + timeout_seconds
    container.send(encode_frame(replace(job, seconds=timeout_seconds + OWN_END_SECONDS)), deadline)
    event = container.follow(deadline, lambda streams: len(streams.messages) > 2)
    leftover = max(0, container.measure().processes - _OWN_PROCESSES) if event is Event.MET else 0
    container.close_stdin()
    if event is Event.MET:
        event = container.follow(deadline, lambda _: False)
    ended = container.wait_dead(deadline) if event is Event.ENDED else None
    by_itself = ended is not None and not ended.oom_killed and ended.exit_code != 0
    interference = container.interference() if by_itself else ""
    timed_out = ended is None and event not in (Event.FLOODED, Event.STARVED)
    if ended is None:
        ended = container.kill()
    return Ended(
        exit=ended,
        timed_out=timed_out,
        flooded=event is Event.FLOODED,
        leftover=leftover,
        wall_seconds=time.monotonic() - handed_over,
        interference=interference,
    )


def facts_of(container: Container, ended: Ended, timeout_seconds: float) -> Facts:
    """Put together all that the verdict on a dead container's program rests on."""
    return Facts(
        exit_code=ended.exit.exit_code,
        timed_out=ended.timed_out,
        oom_killed=ended.exit.oom_killed,
        flooded=ended.flooded,
        leftover_processes=ended.leftover,
        messages=tuple(container.streams.messages),
        malformed=container.streams.malformed,
        timeout_seconds=timeout_seconds,
        interference=ended.interference,
        starved_by_others=container.reading.starved_by_others,
    )
