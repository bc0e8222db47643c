"""Large values of an event: kept as blobs, named in the event by digest, and put back when it is read.

An event's line has 16 KiB. Where `data` does not fit, its largest values go to the run's blob store as
canonical JSON, an empty value of the same kind stays, and the key `moved` says what belongs there. The digest
is under the tree's signature; the blob is checked against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.blobs import BlobError, BlobStore
from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical, decode

MOVED = "moved"
FOLDER = "blobs"  # beside the ledger
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMED_BYTES = 128  # what `moved` takes for one key, about


def move_large(data: Mapping[str, Any], excess: int, blobs: Path) -> dict[str, Any]:
    """Return `data` made shorter by at least `excess` bytes, if that can be; what was taken out is durable.

    Raises:
        LedgerError: the values are larger than `MAX_PAYLOAD_BYTES`, or the blob cannot be written.
    """
    said, moved = dict(data), dict[str, dict[str, Any]]()
    sizes = {name: canonical(value) for name, value in data.items() if isinstance(value, str | list | dict)}
    for name, value in sorted(sizes.items(), key=lambda item: -len(item[1])):
        if excess < 0 or len(value) <= _NAMED_BYTES:
            break
        if sum(reference["bytes"] for reference in moved.values()) + len(value) > MAX_PAYLOAD_BYTES:
            raise LedgerError(f"key `{name}`: expected at most {MAX_PAYLOAD_BYTES} bytes, found {len(value)}")
        moved[name] = {"bytes": len(value), "sha256": _put(value, blobs)}
        said[name] = type(data[name])()
        excess -= len(value) - _NAMED_BYTES
    return {**said, MOVED: moved}


def require_moved(data: Mapping[str, Any]) -> None:
    """Check what an event says of moved values: `{key: {"bytes", "sha256"}}`, and an empty value under each key.

    Raises:
        LedgerError: it has another form, or the values have more than `MAX_PAYLOAD_BYTES` together.
    """
    moved = data[MOVED]
    if not isinstance(moved, dict) or not all(_is_reference(each) for each in moved.values()):
        raise LedgerError(f"key `{MOVED}`: expected keys with `bytes` and `sha256`, found {moved!r:.160}")
    if sum(each["bytes"] for each in moved.values()) > MAX_PAYLOAD_BYTES:
        raise LedgerError(f"key `{MOVED}`: expected at most {MAX_PAYLOAD_BYTES} bytes together, found more")
    for name in moved:
        if data.get(name) not in ("", [], {}):
            raise LedgerError(f"key `{name}`: expected an empty value, as it is moved, found {data.get(name)!r:.80}")


def _is_reference(value: object) -> bool:
    return (
        isinstance(value, dict)
        and tuple(value) == ("bytes", "sha256")
        and type(value["bytes"]) is int
        and value["bytes"] > 0
        and isinstance(value["sha256"], str)
        and _DIGEST.fullmatch(value["sha256"]) is not None
    )


def put_back(data: Mapping[str, Any], blobs: Path) -> Mapping[str, Any]:
    """Return `data` with every moved value in its place again, and without the note of it.

    Raises:
        LedgerError: a blob is gone, or is not what the event says.
    """
    if MOVED not in data:
        return data
    said = {name: value for name, value in data.items() if name != MOVED}
    for name, reference in data[MOVED].items():
        said[name] = _get(reference, blobs)
    return said


def moved_digests(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the blobs that an event cannot be read without."""
    return tuple(reference["sha256"] for reference in data.get(MOVED, {}).values())


def _put(value: bytes, blobs: Path) -> str:
    try:
        return BlobStore(blobs).put_bytes(value)
    except OSError as error:
        raise LedgerError(f"{blobs}: a blob cannot be written: {error.strerror}", remedy="free disk space") from error


def _get(reference: Mapping[str, Any], blobs: Path) -> Any:
    digest = reference["sha256"]
    try:
        value = BlobStore(blobs).read(digest)
        if len(value) != reference["bytes"]:
            raise LedgerError(f"expected {reference['bytes']} bytes, found {len(value)}")
        return decode(value)
    except (LedgerError, BlobError, OSError) as error:
        raise LedgerError(f"a value of this event is the blob {digest}, which cannot be read: {error}") from error
