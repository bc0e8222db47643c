"""Batches: event lines and the commit line after them, which carries the signed root of all lines so far.

    {"$commit":{"root":"<base64>","sig":"<base64>","size":<events so far>}}

The signature is the one of the checkpoint with this size and root (`note.py`), so that every commit line is a
checkpoint. What follows the last commit line was never acknowledged. Pure but for reading lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.entry import MAX_LINE_BYTES, BadEntryError, Place, at, event_of, require_this_format
from orchestrator.ledger.note import (
    Checkpoint,
    SignedCheckpoint,
    Signer,
    VerifierKey,
    decoded,
    encoded,
    signed_by,
)
from orchestrator.ledger.tree import HASH_BYTES, leaf_hash

PREFIX = b'{"$commit"'  # no event's line begins so: its first key is `actor`
MAX_BATCH_EVENTS = 4096
SEALED_TYPE = "log.key_rotated"  # the last of its batch: what follows is signed by another key

_COMMIT = re.compile(
    rb'\{"\$commit":\{"root":"([A-Za-z0-9+/]{43}=)","sig":"([A-Za-z0-9+/]{86}==)","size":([1-9][0-9]{0,15})\}\}\n'
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """An event of a verified batch: what it says, and its leaf hash."""

    event: dict[str, Any]
    hash: bytes
    length: int  # of the line, newline included


@dataclass(frozen=True, slots=True)
class Batch:
    """Events under one good signature, and the log's place after them."""

    leaves: list[Leaf]
    place: Place  # a copy: the reader's own goes on into what may be a torn tail
    key: VerifierKey  # that signed it
    note: SignedCheckpoint
    end: int  # offset in the file after the commit line


class TornTailError(BadEntryError):
    """The file does not end with a commit line: the writer died inside a write, or the file was cut."""

    def __init__(self, index: int, torn_bytes: int) -> None:
        super().__init__(
            index,
            f"expected a commit line at the end, found {torn_bytes} bytes without one",
            remedy="the run was killed while it wrote, or the file was cut; the entries before it are intact",
        )
        self.torn_bytes = torn_bytes


def commit_line(place: Place, signer: Signer) -> tuple[bytes, SignedCheckpoint]:
    """Return the line, newline included, that signs everything up to `place`, and the note that it stands for."""
    checkpoint = Checkpoint(origin=place.source, size=place.size, root=place.tree.root())
    signature = signer.sign(checkpoint.text())
    values = {"root": encoded(checkpoint.root), "sig": encoded(signature), "size": checkpoint.size}
    return canonical({"$commit": values}) + b"\n", signed_by(checkpoint, signer.key(place.source), signature)


def batches(lines: Iterable[bytes]) -> Iterator[Batch]:
    """Yield the batches of a log, each verified: form, place, root, signature. `lines` keep their newlines.

    Raises:
        TornTailError: after the last good batch there are bytes and among them no commit line.
        LedgerError: damage; names the first bad index, or the range that one signature covers.
    """
    place, source = Place(), _Lines(lines)
    while (batch := _batch(place, source)) is not None:
        yield batch
    if place.size == 0:
        raise BadEntryError(0, "expected log.opened, found an empty file")


class _Lines:
    """The lines of a file, and how many bytes of them were read."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.offset = 0

    def next(self) -> bytes:
        line = next(self._lines, b"")
        self.offset += len(line)
        return line

    def commits_follow(self, line: bytes) -> bool:
        """Read to the end; say whether a whole commit line was among what follows `line`."""
        found, starts = False, line.endswith(b"\n")
        while line := self.next():
            found = found or (starts and line.startswith(PREFIX) and line.endswith(b"\n"))
            starts = line.endswith(b"\n")
        return found


def _batch(place: Place, source: _Lines) -> Batch | None:
    """Read one batch and move `place` on; None at the end of the file."""
    first, begin = place.size, source.offset
    leaves: list[Leaf] = []
    line = source.next()
    if not line:
        return None
    if first == 0:
        require_this_format(line)
    key = place.key
    try:
        while not line.startswith(PREFIX):
            if not line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES:
                raise BadEntryError(place.size, f"expected a line that ends, found {line[:60]!r}")
            leaves.append(_leaf(line, place, leaves))
            line = source.next()
        if not line.endswith(b"\n"):
            raise BadEntryError(first, f"expected a commit line that ends, found {line[:60]!r}")
    except LedgerError as error:
        if source.commits_follow(line):
            raise
        raise TornTailError(first, source.offset - begin) from error
    key = key or place.key
    note = _commit(line, place, key, first)
    assert key is not None  # noqa: S101 - `_commit` has refused that
    if leaves and leaves[-1].event["type"] == SEALED_TYPE:
        place.key = VerifierKey.parse(leaves[-1].event["data"]["new_vkey"])
    return Batch(leaves, place.copy(), key, note, source.offset)


def _leaf(line: bytes, place: Place, before: list[Leaf]) -> Leaf:
    if len(before) >= MAX_BATCH_EVENTS:
        raise BadEntryError(place.size, f"expected a commit after at most {MAX_BATCH_EVENTS} events, found none")
    if before and before[-1].event["type"] == SEALED_TYPE:
        raise BadEntryError(place.size, f"expected a commit after {SEALED_TYPE}, found an event")
    line = line.removesuffix(b"\n")
    event = event_of(line, place.size)
    leaf = Leaf(event, leaf_hash(line), len(line) + 1)
    place.take(event["type"], event["source"], event["data"], leaf.hash)
    return leaf


def _commit(line: bytes, place: Place, key: VerifierKey | None, first: int) -> SignedCheckpoint:
    """Check a commit line against the tree that the lines before it make."""
    last = place.size - 1
    found = _COMMIT.fullmatch(line)
    if found is None or key is None or last < first:
        raise BadEntryError(
            first, f"expected events and a commit line in canonical form, found {line[:60]!r}", last=last
        )
    try:
        root, signature = (decoded(found[part].decode(), size) for part, size in ((1, HASH_BYTES), (2, 64)))
    except LedgerError as error:
        raise at(first, error) from error
    if int(found[3]) != place.size:
        raise BadEntryError(first, f"expected a commit of size {place.size}, found {int(found[3])}", last=last)
    if root != place.tree.root():
        raise BadEntryError(
            first, f"expected the root {root.hex()} that was signed for it, found {place.root}", last=last
        )
    checkpoint = Checkpoint(origin=place.source, size=place.size, root=root)
    if not key.signed(checkpoint.text(), signature):
        raise BadEntryError(first, f"expected a signature by {key}, found one that does not hold", last=last)
    return signed_by(checkpoint, key, signature)
