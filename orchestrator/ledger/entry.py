"""What one event's line must be, and where in a log it may stand. Pure: bytes in, facts out.

The envelope is the same for every event; `events.py` says what `data` holds. The Merkle tree over the lines
and the signatures over its roots are `commit.py`'s business: here nothing is vouched for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import MAX_DEPTH, MAX_INT, decode_unchecked, is_plain, plain
from orchestrator.ledger.events import REOPENING_TYPES, TERMINAL_TYPES
from orchestrator.ledger.form import in_form
from orchestrator.ledger.note import VerifierKey, require_name
from orchestrator.ledger.payload import MOVED, require_moved
from orchestrator.ledger.tree import Frontier

FORMAT = "assay-ledger/2"
SPEC_VERSION = "1.0"  # of CloudEvents
MAX_LINE_BYTES = 16 * 1024  # newline included

_KINDS: Mapping[str, type] = {
    "actor": dict,
    "data": dict,
    "host": dict,
    "id": str,
    "monotonic_ns": str,
    "seq": int,
    "source": str,
    "specversion": str,
    "subject": str,
    "time": str,
    "type": str,
}
_KEYS = tuple(_KINDS)  # in the order in which canonical JSON has them
_TYPES = tuple(_KINDS.values())
_PATTERNS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "id": r"[0-7][0-9A-HJKMNP-TV-Z]{25}",
    "monotonic_ns": r"(?:0|[1-9][0-9]*)",
}
_FORMS = re.compile(" ".join(_PATTERNS.values()), re.ASCII)  # of all three with a space between, as none has one
_EARLIER = b'"prev":"' + b"0" * 64 + b'"'  # only the first line of assay-ledger/1 has it
SEAM_TYPES = frozenset({"log.closed", "log.key_rotated", *REOPENING_TYPES})  # they say size and root before them
RULED = frozenset({"log.opened", *SEAM_TYPES, *TERMINAL_TYPES})  # what their data says, and where they stand, matters


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of a ledger, read or written: its place, its leaf hash in the tree, and what it says."""

    index: int
    hash: str  # hex of SHA-256(0x00 || line without its newline)
    type: str
    subject: str
    time: str
    data: Mapping[str, Any]


class Place:
    """Where a log has come to: its tree, its key, and what may follow. Each event moves it on by one."""

    __slots__ = ("closed", "completed", "ended", "key", "source", "tree")

    def __init__(self) -> None:
        self.tree = Frontier()
        self.source = ""
        self.key: VerifierKey | None = None  # that signs next
        self.closed = False
        self.ended = False  # a terminal event was seen, and the log was not reopened since
        self.completed = False  # run.completed was seen: no other end can follow

    @property
    def size(self) -> int:
        return self.tree.size

    @property
    def root(self) -> str:
        """Hex of the tree's root."""
        return self.tree.root().hex()

    def copy(self) -> Place:
        twin = Place()
        twin.tree, twin.source, twin.key = self.tree.copy(), self.source, self.key
        twin.closed, twin.ended, twin.completed = self.closed, self.ended, self.completed
        return twin

    def take(self, event_type: str, source: str, data: Mapping[str, Any], leaf: bytes) -> None:
        """Move on by one event.

        Raises:
            LedgerError: it may not stand here; names its index.
        """
        try:
            self._require(event_type, source, data)
        except LedgerError as error:
            raise at(self.size, error) from error
        self.tree.append(leaf)
        if event_type in RULED:
            self._note(event_type, source, data)

    def _require(self, event_type: str, source: str, data: Mapping[str, Any]) -> None:
        if (event_type == "log.opened") != (self.size == 0):
            raise LedgerError(f"expected log.opened first and only there, found {event_type!r:.80}")
        if source != self.source and self.source:
            raise LedgerError(f"key `source`: expected {self.source!r}, found {source!r:.80}")
        if self.closed and event_type not in REOPENING_TYPES:
            raise LedgerError("expected the end of the log or log.reopened after log.closed, found another entry")
        if event_type not in RULED:
            return
        if event_type in TERMINAL_TYPES and self.ended:
            raise LedgerError(f"expected one end of the run, found a second: {event_type}")
        if event_type in SEAM_TYPES and (data.get("size") != self.size or data.get("root") != self.root):
            raise LedgerError(f"{event_type}: expected size {self.size} and root {self.root}, found {data!r:.160}")
        if event_type == "log.opened":
            _require_opening(source, data)
        if event_type == "log.key_rotated":
            _require_rotation(self.key, data)

    def _note(self, event_type: str, source: str, data: Mapping[str, Any]) -> None:
        if event_type == "log.opened":
            self.source, self.key = source, VerifierKey.parse(data["vkey"])
        if event_type == "log.reopened":
            self.closed, self.ended = False, self.completed
        self.closed = self.closed or event_type == "log.closed"
        self.ended = self.ended or event_type in TERMINAL_TYPES
        self.completed = self.completed or event_type == "run.completed"


def _require_opening(source: str, data: Mapping[str, Any]) -> None:
    if data["format"] != FORMAT:
        raise LedgerError(f"expected the format {FORMAT}, found {data['format']!r:.80}")
    if data["origin"] != require_name(source) or VerifierKey.parse(data["vkey"]).name != source:
        raise LedgerError(f"log.opened: expected its origin and the name of its key to be its source {source!r:.200}")


def _require_rotation(key: VerifierKey | None, data: Mapping[str, Any]) -> None:
    new = VerifierKey.parse(data["new_vkey"])
    if key is None or data["old_vkey"] != str(key) or new.name != key.name or new.public == key.public:
        raise LedgerError(
            f"log.key_rotated: expected {key} to hand over to another key of the log, found {data!r:.300}"
        )


def require_this_format(first_line: bytes) -> None:
    """Tell a log of an earlier version from a damaged one.

    Raises:
        LedgerError: it is one.
    """
    if _EARLIER in first_line:
        raise BadEntryError(
            0,
            f"expected the format {FORMAT}, found the hash chain of an earlier version (assay-ledger/1)",
            remedy="read this run with the version of Assay that wrote it",
        )


def event_of(line: bytes, index: int | None = None) -> dict[str, Any]:
    """Return the event that a line (without its newline) holds, if it has the form of one and this index.

    1 size, 2 canonical form, 3 envelope, 4 index (None: any), 5 type and data.

    Raises:
        LedgerError: one of these does not hold; names the index, what was expected and what was found.
    """
    try:
        if len(line) >= MAX_LINE_BYTES:
            raise LedgerError(
                f"expected at most {MAX_LINE_BYTES - 1} bytes, found {len(line)}",
                remedy="put the payload into the blob store and record its digest",
            )
        event = _envelope(decode_unchecked(line))
        if index is not None and event["seq"] != index:
            raise LedgerError(f"key `seq`: expected {index}, found {event['seq']}")
        in_form(event["type"], event["data"])
        if MOVED in event["data"]:
            require_moved(event["data"])
    except LedgerError as error:
        raise at(-1 if index is None else index, error) from error
    return event


class BadEntryError(LedgerError):
    """An entry does not hold: `index`, or a later one up to `last`, where one signature covers them all."""

    def __init__(self, index: int, what: str, *, remedy: str = "", last: int | None = None) -> None:
        self.index, self.last = index, max(index, index if last is None else last)
        where = f"entry {index}" if self.last == index else f"entries {index} to {self.last}"
        super().__init__(f"{where}: {what}", remedy=remedy)


def at(index: int, error: LedgerError) -> BadEntryError:
    """Return the same error with the index of the entry that it is about."""
    return BadEntryError(index, error.what, remedy=error.remedy)


_texts_before: dict[str, dict[str, str]] = {"actor": {}, "host": {}}
"""The last good ones. Most are the same, and only among texts is what is equal as good: 1 == 1.0."""


def _require_plain(key: str, value: dict[str, Any]) -> None:
    if not is_plain(value, MAX_DEPTH - 1):
        plain(value, at=f"$.{key}", depth=1)  # names what is wrong
    if all(type(item) is str for item in value.values()):
        _texts_before[key] = value


def _envelope(event: object) -> dict[str, Any]:
    if not isinstance(event, dict) or tuple(event) != _KEYS:
        found = sorted(event) if isinstance(event, dict) else type(event).__name__
        raise LedgerError(f"expected the keys {list(_KEYS)}, found {found!r:.300}")
    if tuple(map(type, event.values())) != _TYPES:
        for key, kind in _KINDS.items():
            if type(event[key]) is not kind:
                raise LedgerError(f"key `{key}`: expected {kind.__name__}, found {event[key]!r:.80}")
    if not 0 <= event["seq"] <= MAX_INT:
        raise LedgerError(f"key `seq`: expected an index, found {event['seq']}")
    for key in ("actor", "host"):  # the other keys hold text; `data` is for `form.py`
        if event[key] != _texts_before[key]:
            _require_plain(key, event[key])
    if not _FORMS.fullmatch(f"{event['time']} {event['id']} {event['monotonic_ns']}"):
        for key, pattern in _PATTERNS.items():
            if not re.fullmatch(pattern, event[key], re.ASCII):
                raise LedgerError(f"key `{key}`: expected the form {pattern}, found {event[key]!r:.80}")
    if event["specversion"] != SPEC_VERSION:
        raise LedgerError(f"key `specversion`: expected {SPEC_VERSION!r}, found {event['specversion']!r:.80}")
    return event
