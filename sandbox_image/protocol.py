"""What host and container say to each other. Standard library only; imported by both sides.

The host sends *frames* over the container's stdin: one header line `assay <n>\\n`, then n bytes of
JSON. The container answers with *messages*: single lines on its stdout that begin with
`MESSAGE_PREFIX`; every other byte on stdout belongs to the program. Messages explain, they never
decide: after a program has started, any of them may be forged.

Decoding is strict: exact keys, exact types, bounded size. Whatever does not fit is a `ProtocolError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, BinaryIO

VERSION = 2
MAX_FRAME_BYTES = 64 * 1024 * 1024  # manifest of a large model plus the program
MAX_MESSAGE_BYTES = 32 * 1024  # one line; a full detail may grow twelvefold as escaped JSON
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
    seconds: float = 0.0  # after which the runner's own timer ends it; whoever hands it over says


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
    ranks: tuple[int, ...] = (1, 2)  # dimensions that merged tensors have; others cannot fail a program
    guarded: bool = True  # as in RunJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What the container says of itself. `kind` is one of `MESSAGE_KINDS`."""

    kind: str
    id: str = ""
    reason: str = ""  # a `candidate.Reason` value, as claimed
    detail: str = ""
    fingerprint: str = ""  # screened: hex digest of rounded probe outputs
    walls: str = ""  # ready: what stands inside, "landlock-6,inner-seccomp"


MESSAGE_KINDS = frozenset({"ready", "started", "done", "failed", "screened"})
EXIT_FAILED = 10  # the runner's own exit status after a `failed` message
_FINGERPRINT, _WALLS = re.compile(r"([0-9a-f]{64})?"), re.compile(r"[a-z0-9,-]{0,64}")
_MAX_HEADER_BYTES = 32
_HEADER_PREFIX = b"assay "


_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")


def layer_of(parameter: str) -> int | None:
    """Return the decoder layer that a parameter belongs to, or None (embeddings, final norm)."""
    found = _LAYER.search(parameter)
    return int(found.group(1)) if found else None


def encode_frame(job: RunJob | ScreenJob) -> bytes:
    """Return the frame for a job: header line, then canonical JSON."""
    kind = "run" if isinstance(job, RunJob) else "screen"
    body = json.dumps({"version": VERSION, "kind": kind, "job": asdict(job)}, sort_keys=True).encode()
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame: expected at most {MAX_FRAME_BYTES} bytes, found {len(body)}")
    return b"assay %d\n" % len(body) + body


def decode_frame(stream: BinaryIO) -> RunJob | ScreenJob | None:
    """Read one frame; None at the end of the stream.

    Raises:
        ProtocolError: the stream ends inside a frame, or holds something else.
    """
    header = stream.readline(_MAX_HEADER_BYTES)
    if not header:
        return None
    size = _frame_size(header)
    body = stream.read(size)
    if len(body) != size:
        raise ProtocolError(f"frame: expected {size} bytes, found {len(body)} before the end of the stream")
    envelope = _exact(_load_json(body, "frame"), {"version": int, "kind": str, "job": dict}, "frame")
    if envelope["version"] != VERSION:
        raise ProtocolError(f"frame: expected version {VERSION}, found {envelope['version']}")
    if envelope["kind"] == "run":
        return _run_job(envelope["job"])
    if envelope["kind"] == "screen":
        return _screen_job(envelope["job"])
    raise ProtocolError(f"frame: expected kind run or screen, found {envelope['kind']!r:.40}")


def encode_message(message: Message) -> bytes:
    """Return a message as one line. It is put on a line of its own: the newline before it belongs to it."""
    body = json.dumps(asdict(message), sort_keys=True, ensure_ascii=True).encode()
    line = b"\n" + MESSAGE_PREFIX + body + b"\n"
    if len(line) > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"message: expected at most {MAX_MESSAGE_BYTES} bytes, found {len(line)}")
    return line


def decode_message(line: bytes) -> Message:
    """Decode one line that begins with `MESSAGE_PREFIX`.

    Raises:
        ProtocolError: too long, not JSON, or other keys, types or kinds than a message has.
    """
    if not line.startswith(MESSAGE_PREFIX) or len(line) > MAX_MESSAGE_BYTES:
        raise ProtocolError("message: expected a line with the prefix, within its length")
    body = _load_json(line[len(MESSAGE_PREFIX) :].rstrip(b"\n"), "message")
    value = _exact(body, {field.name: str for field in fields(Message)}, "message")
    if value["kind"] not in MESSAGE_KINDS:
        raise ProtocolError(f"message: unknown kind {value['kind']!r:.40}")
    if not _FINGERPRINT.fullmatch(value["fingerprint"]) or not _WALLS.fullmatch(value["walls"]):
        raise ProtocolError("message: a fingerprint is 64 hex digits or nothing, walls are names with commas between")
    return Message(**{**value, "detail": value["detail"][:MAX_DETAIL_CHARS]})


def _frame_size(header: bytes) -> int:
    digits = header[len(_HEADER_PREFIX) : -1]
    if not (header.startswith(_HEADER_PREFIX) and header.endswith(b"\n") and digits.isdigit()):
        raise ProtocolError(f"frame: expected a header line, found {header!r}")
    size = int(digits)
    if size > MAX_FRAME_BYTES:
        raise ProtocolError(f"frame: expected at most {MAX_FRAME_BYTES} bytes, found {size}")
    return size


def _load_json(data: bytes, what: str) -> Any:
    try:
        return json.loads(data.decode(), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{what}: not JSON: {error}") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ProtocolError("JSON: an object names a key twice")
    return value


def _no_constant(name: str) -> Any:
    raise ProtocolError(f"JSON: {name} is not allowed")


def _exact(value: Any, types: Mapping[str, type], what: str) -> dict[str, Any]:
    """Return `value` if it is an object with exactly these keys, each of exactly this type."""
    if type(value) is not dict or value.keys() != types.keys():
        found = sorted(value)[:8] if isinstance(value, dict) else type(value).__name__
        raise ProtocolError(f"{what}: expected keys {sorted(types)}, found {found!r:.200}")
    for key, expected in types.items():
        if type(value[key]) is not expected:
            raise ProtocolError(f"{what}.{key}: expected {expected.__name__}, found {type(value[key]).__name__}")
    return value


def _all(value: list[Any], kind: type, what: str) -> tuple[Any, ...]:
    if any(type(item) is not kind for item in value):
        raise ProtocolError(f"{what}: expected a list of {kind.__name__}")
    return tuple(value)


_SPEC_TYPES = {"name": str, "dtype": str, "shape": list, "offset": int, "nbytes": int}
_RUN_TYPES = {
    "source": str,
    "program_digest": str,
    "guarded": bool,
    "profile": str,
    "seed": int,
    "device": str,
    "seconds": float,
    "seed_files": list,
    "candidate_files": list,
    "tensors": list,
    "num_layers": int,
}
_SCREEN_TYPES = {
    "id": str,
    "source": str,
    "program_digest": str,
    "profile": str,
    "seed": int,
    "candidate_names": list,
    "timeout_seconds": float,
    "ranks": list,
    "guarded": bool,
}


def _spec(value: Any) -> TensorSpec:
    spec = _exact(value, _SPEC_TYPES, "tensor")
    shape = _all(spec["shape"], int, "tensor.shape")
    nbytes = DTYPE_BYTES.get(spec["dtype"], -1)
    for size in shape:
        nbytes *= size
    if nbytes != spec["nbytes"] or spec["offset"] < 0 or any(size < 0 for size in shape):
        raise ProtocolError(f"tensor {spec['name']!r:.80}: dtype, shape and bytes do not fit each other")
    return TensorSpec(**{**spec, "shape": shape})


def _run_job(value: Any) -> RunJob:
    job = _exact(value, _RUN_TYPES, "run")
    candidates = []
    for entry in job["candidate_files"]:
        if type(entry) is not list or len(entry) != 2 or type(entry[0]) is not str or type(entry[1]) is not list:
            raise ProtocolError("run.candidate_files: expected pairs of a name and a list of paths")
        candidates.append((entry[0], _all(entry[1], str, "run.candidate_files")))
    return RunJob(
        **{
            **job,
            "seed_files": _all(job["seed_files"], str, "run.seed_files"),
            "candidate_files": tuple(candidates),
            "tensors": tuple(_spec(entry) for entry in job["tensors"]),
        }
    )


def _screen_job(value: Any) -> ScreenJob:
    job = _exact(value, _SCREEN_TYPES, "screen")
    return ScreenJob(
        **{
            **job,
            "candidate_names": _all(job["candidate_names"], str, "screen.candidate_names"),
            "ranks": _all(job["ranks"], int, "screen.ranks"),
        }
    )
