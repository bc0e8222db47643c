"""What makes lines a ledger: the envelope of an event, and the hash by which each line names the one before.

Pure: lines in, entries out. `store.py` reads and writes the file. A chain shows that lines were edited,
dropped or moved only to somebody who holds a later hash; alone it does not stop a writer who rewrites
everything, a missing tail looks like a shorter log, and nothing vouches for the last line but its hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import decode, sha256_of
from orchestrator.ledger.events import REOPENING_TYPES, TERMINAL_TYPES, require_form

GENESIS = "0" * 64  # `prev` of the first line
FORMAT = "assay-ledger/1"
SPEC_VERSION = "1.0"  # of CloudEvents
MAX_LINE_BYTES = 16 * 1024  # newline included

_KEYS: Mapping[str, type] = {
    "actor": dict,
    "data": dict,
    "host": dict,
    "id": str,
    "monotonic_ns": str,
    "prev": str,
    "seq": int,
    "source": str,
    "specversion": str,
    "subject": str,
    "time": str,
    "type": str,
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
_NANOSECONDS = re.compile(r"0|[1-9][0-9]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a ledger, read or written: its place, its hash, and what it says."""

    index: int
    hash: str  # sha256 (hex) of the line without its newline
    type: str
    subject: str
    time: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a chain: how many entries it has and the hash of the last."""

    size: int = 0
    hash: str = GENESIS
    source: str = ""
    closed: bool = False
    ended: bool = False  # a terminal event of the run was seen, and the log was not reopened since
    completed: bool = False  # run.completed was seen: no other end can follow


def follow(head: Head, line: bytes) -> tuple[Head, Entry]:
    """Check that `line` (without its newline) continues the chain that ends in `head`.

    The same steps guard writing and reading: 1 size, 2 canonical form, 3 envelope, 4 place, 5 event.

    Raises:
        LedgerError: it does not; names the index, what was expected and what was found.
    """
    try:
        if len(line) >= MAX_LINE_BYTES:
            raise LedgerError(
                f"expected at most {MAX_LINE_BYTES - 1} bytes, found {len(line)}",
                remedy="put the payload into the blob store and record its digest",
            )
        event = _envelope(decode(line))
        _require_place(head, event)
        require_form(event["type"], event["data"])
    except LedgerError as error:
        raise LedgerError(f"entry {head.size}: {error.what}", remedy=error.remedy) from error
    entry = Entry(
        index=head.size,
        hash=sha256_of(line),
        type=event["type"],
        subject=event["subject"],
        time=event["time"],
        data=event["data"],
    )
    return _advance(head, entry, event["source"]), entry


def _advance(head: Head, entry: Entry, source: str) -> Head:
    return Head(
        size=head.size + 1,
        hash=entry.hash,
        source=source,
        closed=entry.type == "log.closed" or (head.closed and entry.type == "log.recovered"),
        ended=(head.ended or entry.type in TERMINAL_TYPES) and (entry.type != "log.reopened" or head.completed),
        completed=head.completed or entry.type == "run.completed",
    )


def _envelope(event: object) -> dict[str, Any]:
    if not isinstance(event, dict) or event.keys() != _KEYS.keys():
        found = sorted(event) if isinstance(event, dict) else type(event).__name__
        raise LedgerError(f"expected the keys {sorted(_KEYS)}, found {found}")
    for key, kind in _KEYS.items():
        if type(event[key]) is not kind:
            raise LedgerError(f"key `{key}`: expected {kind.__name__}, found {event[key]!r:.80}")
    for key, pattern in (("time", _TIME), ("id", _ULID), ("monotonic_ns", _NANOSECONDS)):
        if not pattern.fullmatch(event[key]):
            raise LedgerError(f"key `{key}`: expected the form {pattern.pattern}, found {event[key]!r:.80}")
    if event["specversion"] != SPEC_VERSION:
        raise LedgerError(f"key `specversion`: expected {SPEC_VERSION!r}, found {event['specversion']!r:.80}")
    return event


def _require_place(head: Head, event: dict[str, Any]) -> None:
    """Refuse an event that does not belong at this index of this log."""
    if head.closed and event["type"] not in REOPENING_TYPES:
        raise LedgerError("expected the end of the log or log.reopened after log.closed, found another entry")
    if event["seq"] != head.size:
        raise LedgerError(f"key `seq`: expected {head.size}, found {event['seq']}")
    if event["prev"] != head.hash:
        raise LedgerError(f"key `prev`: expected {head.hash}, found {event['prev']!r:.80}")
    if (event["type"] == "log.opened") != (head.size == 0):
        raise LedgerError(f"expected log.opened first and only there, found {event['type']!r:.80}")
    if head.source and event["source"] != head.source:
        raise LedgerError(f"key `source`: expected {head.source!r}, found {event['source']!r:.80}")
    if head.ended and event["type"] in TERMINAL_TYPES:
        raise LedgerError(f"expected one end of the run, found a second: {event['type']}")
    if event["type"] in ("log.closed", *REOPENING_TYPES):
        _require_seam(head, event)


def _require_seam(head: Head, event: Mapping[str, Any]) -> None:
    data = event["data"]
    if data.get("size") != head.size or data.get("head") != head.hash:
        raise LedgerError(f"{event['type']}: expected size {head.size} and head {head.hash}, found {data!r:.120}")
