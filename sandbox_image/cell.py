"""Tries many programs on probe tensors: one forked child each, in a container without any model.

    start -> import torch, prove that it works behind the walls -> `ready`
          -> (ScreenJob -> `screened` | `failed`) ... -> end of stdin

The child is forked before its job comes and reads it itself: this process, whose memory all children begin
with, never holds a program or a result. What a cell says can only turn a program away or mark it a
duplicate; it never admits one to a score. The host keeps its own clock and replaces a cell that is late or
dies.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import torch

from sandbox_image import execute, lean, limits, probes, walls
from sandbox_image.protocol import (
    MAX_MESSAGE_BYTES,
    MESSAGE_PREFIX,
    Message,
    ProtocolError,
    ScreenJob,
    decode_frame,
    encode_message,
)

_STDOUT = 1
_NEWLINE = 0x0A
_BEGUN = struct.Struct("=d")  # the child has its job, and so many seconds for it
CONTAINED = "ASSAY_CONTAINED"  # set by the host for containers, with a process namespace of their own


def main() -> None:
    """Serve jobs from stdin until it ends."""
    limits.pin()
    walls.hide()
    execute.prove()
    probes.prepare()
    standing = _prove_behind_walls()
    lean.settle()  # else every child copies what its first collection touches
    _say(encode_message(Message(kind="ready", walls=standing)))
    answer = bytearray(MAX_MESSAGE_BYTES)
    while (said := _serve_one(answer)) is not None:
        _say(said)
        answer[:] = bytes(len(answer))


def _prove_behind_walls() -> str:
    """Take the known program through a child's surroundings; return what stands there.

    Raises:
        RuntimeError: the child did not come through.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            standing = walls.put_up() if walls.wanted() else ""
            execute.prove()
            os.write(writer, standing.encode() + b"\n")
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 1024).decode()
    os.close(reader)
    os.waitpid(pid, 0)
    if not said.endswith("\n"):
        raise RuntimeError("the known program did not come through behind the walls")
    return said.rstrip("\n")


def _serve_one(answer: bytearray) -> memoryview | bytes | None:
    """Fork a child, let it read and try one program, and judge by how it ended; None at the end of stdin.

    What the child said is taken into `answer` and only passed on: the host decodes it.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(writer)
    os.close(writer)
    try:
        begun = os.read(reader, _BEGUN.size)
        if len(begun) != _BEGUN.size:
            _never_began(pid)
            return None
        (seconds,) = _BEGUN.unpack(begun)
        size, late = _read(reader, answer, time.monotonic() + seconds)
    finally:
        os.close(reader)
        _end(pid)
    _, status = os.waitpid(pid, 0)
    _end_strays()
    return _judge(memoryview(answer)[:size], seconds, late=late, status=status)


def _never_began(pid: int) -> None:
    """The child found no job: the end of stdin, or a fault of ours, which ends the cell.

    Raises:
        ProtocolError: stdin held something else than a job.
    """
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise ProtocolError("a cell is sent ScreenJobs")


def _child(writer: int) -> NoReturn:
    """The forked side: one job in, walls up, one message out."""
    status = 1
    try:
        job = decode_frame(sys.stdin.buffer)
        if job is None:
            status = 0
        if not isinstance(job, ScreenJob):
            os._exit(status)
        _enclose(job)
        os.write(writer, _BEGUN.pack(job.timeout_seconds))
        os.write(writer, encode_message(_attempt(job)))
    finally:
        os._exit(status)


def _enclose(job: ScreenJob) -> None:
    """Leave this process nothing of its parent but one pipe, and bound it."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    limits.bound_child(job.timeout_seconds)
    if walls.wanted():
        walls.put_up()
        walls.seal(job.timeout_seconds + limits.SPARE_SECONDS)


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
    program = execute.load_program(job.source, guarded=job.guarded, profile=job.profile)
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


def _read(reader: int, answer: bytearray, deadline: float) -> tuple[int, bool]:
    """Read up to one message and the end of the pipe into `answer`; return its size, and whether it was late."""
    view, size = memoryview(answer), 0
    while size < len(answer):
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return size, True
        count = os.readv(reader, [view[size:]])
        size += count
        if count == 0 or (size > 1 and answer[size - 1] == _NEWLINE):
            break
    return size, False


def _judge(said: memoryview, seconds: float, *, late: bool, status: int) -> memoryview | bytes:
    """Return what is passed on: the child's one line if it is one, else how the child ended."""
    if late:
        return _failed("timeout", f"still running after {seconds:g} s")
    if os.WIFSIGNALED(status) and not said:
        return _failed("killed", f"ended by {signal.Signals(os.WTERMSIG(status)).name}")
    start = len(MESSAGE_PREFIX) + 1
    ends = [at for at, byte in enumerate(said) if byte == _NEWLINE]
    if said[:start].tobytes() != b"\n" + MESSAGE_PREFIX or ends != [0, len(said) - 1]:
        return _failed("protocol", "the child left no readable result")
    return said


def _failed(reason: str, detail: str) -> bytes:
    """Say what this process saw. It knows no program's id; the host has asked for one only."""
    return encode_message(Message(kind="failed", reason=reason, detail=detail))


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


def _say(data: memoryview | bytes) -> None:
    while data:
        data = data[os.write(_STDOUT, data) :]


if __name__ == "__main__":
    main()
