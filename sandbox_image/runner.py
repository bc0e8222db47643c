"""Runs one program on the mounted models, once, in a container of its own.

    start -> import torch, put up the walls, prove that it works -> `ready` -> one RunJob on stdin
          -> seal -> `started` -> merge -> `done` or `failed`

Started without a program, so that a container can be made ahead of need. After `done` it waits for the
end of stdin: the host takes its last measurements then. From `started` on, the program shares this
process and may do anything in its name; the host believes none of it (see the orchestrator's failure.py).
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from sandbox_image import execute, lean, limits, tensors, walls
from sandbox_image.protocol import (
    EXIT_FAILED,
    OUTPUT_PATH,
    Message,
    ProtocolError,
    RunJob,
    decode_frame,
    encode_message,
)

_EXIT_CHILD = 11  # a process that the program forked came back out of it
_STDIN, _STDOUT = 0, 1


def main() -> NoReturn:
    """Run the one job that comes on stdin; never returns."""
    limits.pin()
    walls.hide()
    output = os.open(OUTPUT_PATH, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    nothing = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    owner = os.getpid()
    standing = _prepare(os.environ.get("ASSAY_DEVICE", "cpu"))
    lean.settle()
    job = _receive(standing)
    walls.seal(job.seconds)
    stdin = _take_stdin(nothing)
    _say(Message(kind="started"))
    message = _attempt(job, output)
    if os.getpid() != owner:
        os._exit(_EXIT_CHILD)
    _say(message)
    if message.kind == "failed":
        os._exit(EXIT_FAILED)
    os.read(stdin, 1)  # the host closes it when it has measured
    os._exit(0)


def _prepare(device: str) -> str:
    """Put up the walls and take a known program through both sides of them; return what stands.

    Before: torch looks at the processor, and a driver starts its threads. After: what is proven is the
    surroundings that a program will find.
    """
    if device == "cpu":
        execute.prove()
    if not walls.wanted():
        return ""
    standing = [walls.landlock(device)]
    if device != "cpu":
        execute.prove(device)  # makes the GPU's context, whose threads Landlock has to bind
    standing.append(walls.second_filter(walls.compiled(device)))
    execute.prove(device)
    return ",".join(filter(None, standing))


def _receive(standing: str) -> RunJob:
    """Say `ready`, with all that a program will need imported, and wait for the program."""
    _say(Message(kind="ready", walls=standing))
    job = decode_frame(sys.stdin.buffer)
    if job is None:
        os._exit(0)  # the host needs no more containers
    if not isinstance(job, RunJob) or job.seconds <= 0:
        raise ProtocolError("a runner is sent one RunJob, with the seconds that it may last")
    return job


def _attempt(job: RunJob, output: int) -> Message:
    """Merge; return what there is to say of it. Exceptions of the program end here, all of them."""
    program = None
    try:
        program = execute.load_program(job.source, guarded=job.guarded, profile=job.profile)
        _merge_all(job, program, output)
        return Message(kind="done")
    except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt are the program's too)
        reason, detail = execute.explain(error)
        return Message(kind="failed", reason=reason, detail=detail)
    finally:
        execute.flush(program)


def _merge_all(job: RunJob, program: execute.Program, output: int) -> None:
    """Call the program for every tensor of the manifest, in order, and write each result."""
    seed_model = tensors.Model(job.seed_files, job.device)
    candidates = {name: tensors.Model(files, job.device) for name, files in job.candidate_files}
    for spec in job.tensors:
        base = seed_model.read(spec.name)
        task_vector = execute.call_program(
            program,
            tensors.task_vectors(base, candidates, spec.name),
            base.clone(),
            name=spec.name,
            num_layers=job.num_layers,
            seed=execute.call_seed(job.seed, job.program_digest, spec.name),
        )
        result = tensors.merged(base, task_vector, spec.dtype)
        execute.require_finite(result, spec.name)
        tensors.write_tensor(output, spec, result)


def _take_stdin(nothing: int) -> int:
    """Move stdin to a descriptor of its own and leave nothing to read in its place."""
    kept = os.dup(_STDIN)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    return kept


def _say(message: Message) -> None:
    """Write one message whole; a pipe takes up to 4 KiB at once, so longer ones go in pieces."""
    data = encode_message(message)
    while data:
        data = data[os.write(_STDOUT, data) :]


if __name__ == "__main__":
    main()
