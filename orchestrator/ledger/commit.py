"""Batches: event lines and the commit line after them, which carries the signed root of all lines so far.

    {"$commit":{"root":"<base64>","sig":"<base64>","size":<events so far>}}

The signature is the one of the checkpoint with this size and root (`note.py`), so that every commit line is a
checkpoint. What follows the last commit line was never acknowledged. Pure but for reading lines.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.entry import MAX_LINE_BYTES, RULED, BadEntryError, Place, event_of, require_this_format
from orchestrator.ledger.note import (
    SIGNATURE_BYTES,
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


class Leaf(NamedTuple):
    """An event of a verified batch: its line without the newline, its type, and its leaf hash."""

    line: bytes
    type: str
    hash: bytes

    @property
    def event(self) -> dict[str, Any]:
        """What it says. Decoded at each call: that is faster than to keep the events of a whole batch."""
        event: dict[str, Any] = orjson.loads(self.line)
        return event


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


@dataclass(frozen=True, slots=True)
class Raw:
    """The lines of one batch as they stand in the file, unchecked."""

    first: int  # index of its first event
    begin: int  # offset in the file
    end: int
    whole: bool  # whether `last` begins where a line begins
    lines: list[bytes]  # of events, with their newlines
    last: bytes  # the commit line, or what stands in its place

    @property
    def committed(self) -> bool:
        return self.whole and self.last.startswith(PREFIX) and self.last.endswith(b"\n")


@dataclass(frozen=True, slots=True)
class Vouched:
    """What somebody has checked of a batch already. Only ever a yes: the rest is looked at again."""

    types: Sequence[str] = ()  # of its events, up to the first line that is not one with its index and source
    hashes: bytes = b""  # their leaf hashes
    key: VerifierKey | None = None  # whose signature on the commit line holds


Voucher = Callable[[Iterator[Raw], Place], Iterator[tuple[Raw, Vouched]]]
"""Gives the same batches in the same order, and what it vouches for; the place says whose key is in use."""


def nobody(raws: Iterator[Raw], _: Place) -> Iterator[tuple[Raw, Vouched]]:
    """Vouch for nothing."""
    return ((raw, Vouched()) for raw in raws)


def batches(lines: Iterable[bytes], voucher: Voucher = nobody) -> Iterator[Batch]:
    """Yield the batches of a log, each verified: form, place, root, signature. `lines` keep their newlines.

    Raises:
        TornTailError: after the last good batch there are bytes and among them no commit line.
        LedgerError: damage; names the first bad index, or the range that one signature covers.
    """
    place = Place()
    raws = voucher(_split(lines), place)
    for raw, vouched in raws:
        if raw.begin == 0:
            require_this_format(raw.lines[0] if raw.lines else raw.last)
        try:
            batch = _batch(place, raw, vouched)
        except LedgerError as error:
            committed, end = raw.committed, raw.end
            for later, _ in raws:
                committed, end = committed or later.committed, later.end
            if committed:
                raise
            raise TornTailError(raw.first, end - raw.begin) from error
        yield batch
    if place.size == 0:
        raise BadEntryError(0, "expected log.opened, found an empty file")


def _split(lines: Iterable[bytes]) -> Iterator[Raw]:
    first = begin = end = 0
    whole = True
    events: list[bytes] = []
    for line in lines:
        end += len(line)
        if line.startswith(PREFIX) or not line.endswith(b"\n") or len(events) == MAX_BATCH_EVENTS:
            yield Raw(first, begin, end, whole or bool(events), events, line)
            first, begin, whole, events = first + len(events), end, line.endswith(b"\n"), []
        else:
            events.append(line)
    if events:
        yield Raw(first, begin, end, whole, events, b"")


def vouched_for(raw: Raw, source: str, key: VerifierKey | None) -> Vouched:
    """Check what can be checked of a batch without what stands before it, if the log is `source`."""
    types, hashes = [], []
    with contextlib.suppress(LedgerError):
        for index, whole in enumerate(raw.lines, start=raw.first):
            line = whole[:-1]
            event = event_of(line, index)
            if event["source"] != source:
                break
            types.append(event["type"])
            hashes.append(leaf_hash(line))
    signed = False
    with contextlib.suppress(LedgerError):
        signed = key is not None and _is_signed(*_parts(raw.last), source, key)
    return Vouched(types, b"".join(hashes), key if signed else None)


def _batch(place: Place, raw: Raw, vouched: Vouched) -> Batch:
    """Verify one batch and move `place` on."""
    key = place.key
    leaves = _leaves(raw.lines, place, vouched)
    _require_end(raw, place)
    key = key or place.key
    note = _commit(raw, place, key, vouched.key)
    assert key is not None  # noqa: S101 - `_commit` has refused that
    if leaves and leaves[-1].type == SEALED_TYPE:
        place.key = VerifierKey.parse(leaves[-1].event["data"]["new_vkey"])
    return Batch(leaves, place.copy(), key, note, raw.end)


def _leaves(lines: Iterable[bytes], place: Place, vouched: Vouched) -> list[Leaf]:
    """Check the events of a batch one by one, and move `place` on by each."""
    leaves: list[Leaf] = []
    for number, whole in enumerate(lines):
        if leaves and leaves[-1].type == SEALED_TYPE:
            raise BadEntryError(place.size, f"expected a commit after {SEALED_TYPE}, found an event")
        line = whole[:-1]
        if number < len(vouched.types):
            leaf = Leaf(line, vouched.types[number], vouched.hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES])
            if leaf.type in RULED or place.closed or not place.size:
                place.take(leaf.type, place.source, leaf.event["data"], leaf.hash)
            else:
                place.tree.append(leaf.hash)  # all that `take` would do: there is no rule about such an event
        else:
            event = event_of(line, place.size)
            leaf = Leaf(line, event["type"], leaf_hash(line))
            place.take(leaf.type, event["source"], event["data"], leaf.hash)
        leaves.append(leaf)
    return leaves


def _require_end(raw: Raw, place: Place) -> None:
    """Require that a batch's events are followed by a commit line; what it says is for `_commit`."""
    last = raw.last
    if raw.committed:
        return
    if last.startswith(PREFIX):
        raise BadEntryError(raw.first, f"expected a commit line that ends, found {last[:60]!r}")
    if len(last) > MAX_LINE_BYTES:
        event_of(last, place.size)  # says that it is too long
    if not last.endswith(b"\n"):
        raise BadEntryError(place.size, f"expected a line that ends, found {last[:60]!r}")
    raise BadEntryError(place.size, f"expected a commit after at most {MAX_BATCH_EVENTS} events, found none")


def _commit(raw: Raw, place: Place, key: VerifierKey | None, vouched: VerifierKey | None) -> SignedCheckpoint:
    """Check a commit line against the tree that the lines before it make."""
    first, last = raw.first, place.size - 1
    if key is None or last < first:
        raise BadEntryError(first, f"expected events before a commit line, found {raw.last[:60]!r}", last=last)
    try:
        size, root, signature = _parts(raw.last)
    except LedgerError as error:
        raise BadEntryError(first, error.what, last=last) from error
    if size != place.size:
        raise BadEntryError(first, f"expected a commit of size {place.size}, found {size}", last=last)
    if root != place.tree.root():
        raise BadEntryError(
            first, f"expected the root {root.hex()} that was signed for it, found {place.root}", last=last
        )
    if vouched != key and not _is_signed(size, root, signature, place.source, key):
        raise BadEntryError(first, f"expected a signature by {key}, found one that does not hold", last=last)
    return signed_by(Checkpoint(origin=place.source, size=size, root=root), key, signature)


def _parts(line: bytes) -> tuple[int, bytes, bytes]:
    """Return size, root and signature of a commit line."""
    found = _COMMIT.fullmatch(line)
    if found is None:
        raise LedgerError(f"expected a commit line in canonical form, found {line[:60]!r}")
    return int(found[3]), decoded(found[1].decode(), HASH_BYTES), decoded(found[2].decode(), SIGNATURE_BYTES)


def _is_signed(size: int, root: bytes, signature: bytes, source: str, key: VerifierKey) -> bool:
    return key.signed(Checkpoint(origin=source, size=size, root=root).text(), signature)
