"""What host and container say to each other. Standard library only; imported by both sides.

The host sends *frames* over the container's stdin: one header line `assay <n>\\n`, then n bytes of
JSON. The container answers with *messages*: single lines on its stdout that begin with
`MESSAGE_PREFIX`; every other byte on stdout belongs to the program. Messages explain, they never
decide: after a program has started, any of them may be forged.

Decoding is strict: exact keys, exact types, bounded size. Whatever does not fit is a `ProtocolError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1
MAX_FRAME_BYTES = 64 * 1024 * 1024  # manifest of a large model plus the program
MAX_MESSAGE_BYTES = 16 * 1024  # one line
MAX_DETAIL_CHARS = 2_000
MESSAGE_PREFIX = b"\x1eassay "
OUTPUT_PATH = "/output"  # the one file that the host owns

# Sizes in bytes of the floating dtypes that may be merged, named as safetensors names them.
DTYPE_BYTES: Mapping[str, int] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


class ProtocolError(ValueError):
    """Bytes that are not a well-formed frame or message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One merged tensor: where its little-endian bytes go in the output file."""

    name: str
    dtype: str  # a key of DTYPE_BYTES
    shape: tuple[int, ...]
    offset: int
    nbytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Merge the models that are mounted, with one program, into the output file."""

    source: str
    program_digest: str
    guarded: bool  # False: plain exec with the real torch (`--no-policy`, to test the container)
    profile: str
    seed: int  # the run's seed; calls are seeded from (seed, program_digest, parameter name)
    device: str
    seed_files: tuple[str, ...]  # safetensors files, as paths in the container
    candidate_files: tuple[tuple[str, tuple[str, ...]], ...]  # (candidate name, paths) in order
    tensors: tuple[TensorSpec, ...]
    num_layers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenJob:
    """Try one program on the fixed probe tensors, in a forked child of the cell."""

    id: str
    source: str
    program_digest: str
    profile: str
    seed: int
    candidate_names: tuple[str, ...]
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the container says of itself. `kind`: ready, started, done, failed, screened, or stopped."""

    kind: str
    id: str = ""
    reason: str = ""  # a `candidate.Reason` value, as claimed
    detail: str = ""
    fingerprint: str = ""  # screened: hex digest of rounded probe outputs


_MESSAGE_KINDS = frozenset({"ready", "started", "done", "failed", "screened"})


def encode_frame(job: RunJob | ScreenJob) -> bytes:
    """Return the frame for a job: header line, then canonical JSON."""
    kind = "run" if isinstance(job, RunJob) else "screen"
    body = json.dumps({"version": VERSION, "kind": kind, "job": asdict(job)}, sort_keys=True).encode()
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame: expected at most {MAX_FRAME_BYTES} bytes, found {len(body)}")
    return b"assay %d\n" % len(body) + body
