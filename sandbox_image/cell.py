"""Tries many programs on probe tensors: one forked child each, in a container without any model.

    start -> import torch, prove that it works -> `ready` -> (ScreenJob -> `screened` | `failed`) ... -> end of stdin

What a cell says can only turn a program away or mark it a duplicate; it never admits one to a score. The
host keeps its own clock and replaces a cell that is late or dies.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import torch

from sandbox_image import execute, limits, probes
from sandbox_image.protocol import (
    MAX_MESSAGE_BYTES,
    Message,
    ProtocolError,
    ScreenJob,
    decode_frame,
    decode_message,
    encode_message,
)

_STDOUT = 1
CONTAINED = "ASSAY_CONTAINED"  # set by the host for containers, with a process namespace of their own


def main() -> None:
    """Serve jobs from stdin until it ends."""
    limits.pin()
    execute.prove()
    _say(Message(kind="ready"))
    while (job := decode_frame(sys.stdin.buffer)) is not None:
        if not isinstance(job, ScreenJob):
            raise ProtocolError("a cell is sent ScreenJobs")
        _say(_in_child(job))


def _in_child(job: ScreenJob) -> Message:
    """Fork, let the child try the program, and judge by how it ended and the one message it left."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(job, writer)
    os.close(writer)
    try:
        data, late = _read(reader, time.monotonic() + job.timeout_seconds)
    finally:
        os.close(reader)
        _end(pid)
    _, status = os.waitpid(pid, 0)
    _end_strays()
    return _judge(job, data, late=late, status=status)


def _child(job: ScreenJob, writer: int) -> NoReturn:
    """The forked side: no way back to the parent but the pipe."""
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        limits.bound_child(job.timeout_seconds)
        message = _attempt(job)
        os.write(writer, encode_message(message))
    finally:
        os._exit(0)


def _attempt(job: ScreenJob) -> Message:
    try:
        return Message(kind="screened", id=job.id, fingerprint=_trial(job))
    except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt are the program's too)
        reason, detail = execute.explain(error)
        return Message(kind="failed", id=job.id, reason=reason, detail=detail)


def _trial(job: ScreenJob) -> str:
    """Run all probes twice, each time in a freshly loaded program; return the fingerprint.

    Raises:
        execute.ProgramError: a fault on an ordinary probe, or results that differ between the two passes.
    """
    summaries = []
    for (label, first), (_, second) in zip(_pass(job), _pass(job), strict=True):
        if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
            if not _same_bytes(first, second):
                raise execute.ProgramError("nondeterministic", f"{label}: two calls with one seed gave different bytes")
            summaries.append((label, probes.summary(first)))
        elif first != second:
            raise execute.ProgramError("nondeterministic", f"{label}: two calls with one seed ended differently")
        else:
            summaries.append((label, [str(first)]))
    return probes.fingerprint(summaries)


def _pass(job: ScreenJob) -> Iterator[tuple[str, torch.Tensor | str]]:
    """Yield (probe label, result, or the reason of a fault that cannot fail the program)."""
    program = execute.load_program(job.source, guarded=True, profile=job.profile)
    for probe in probes.probes(job.candidate_names, job.ranks):
        try:
            yield (
                probe.label,
                execute.call_program(
                    program,
                    probe.task_vectors,
                    probe.base,
                    name=probe.name,
                    num_layers=probes.NUM_LAYERS,
                    seed=execute.call_seed(job.seed, probe.label),
                ),
            )
        except Exception as error:
            if probe.ordinary:
                raise
            yield probe.label, execute.explain(error)[0]


def _same_bytes(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Compare bit patterns: `torch.equal` takes -0.0 for 0.0."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    return torch.equal(first.contiguous().view(torch.uint8), second.contiguous().view(torch.uint8))


def _read(reader: int, deadline: float) -> tuple[bytes, bool]:
    """Read up to one message and the end of the pipe; second value: the deadline passed first."""
    data = b""
    while len(data) <= MAX_MESSAGE_BYTES:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return data, True
        chunk = os.read(reader, MAX_MESSAGE_BYTES)
        if not chunk:
            break
        data += chunk
        if data.endswith(b"\n") and len(data) > 1:
            break
    return data, False


def _judge(job: ScreenJob, data: bytes, *, late: bool, status: int) -> Message:
    if late:
        return _failed(job, "timeout", f"still running after {job.timeout_seconds:g} s")
    if os.WIFSIGNALED(status) and not data:
        name = signal.Signals(os.WTERMSIG(status)).name
        return _failed(job, "killed", f"ended by {name}")
    try:
        message = decode_message(data.removeprefix(b"\n"))
    except ProtocolError as error:
        return _failed(job, "protocol", f"the child left no readable result: {error}")
    if message.id != job.id or message.kind not in ("screened", "failed"):
        return _failed(job, "protocol", "the child left a message that is not its own")
    return message


def _failed(job: ScreenJob, reason: str, detail: str) -> Message:
    return Message(kind="failed", id=job.id, reason=reason, detail=detail)


def _end(pid: int) -> None:
    """Kill the child; it is still ours to wait for, so the number cannot have been reused."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _end_strays() -> None:
    """Kill every process in the container but this one and init, which the kernel shields.

    Only there: outside, it would be every process of the user.
    """
    if os.environ.get(CONTAINED) != "1" or os.geteuid() == 0:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(-1, signal.SIGKILL)


def _say(message: Message) -> None:
    data = encode_message(message)
    while data:
        data = data[os.write(_STDOUT, data) :]


if __name__ == "__main__":
    main()
