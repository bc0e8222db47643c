"""What a row of the table of events is made of: kinds of values, keys, event types. The rows are in `events.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a value must be. JSON numbers are integers only; there are no floats in a ledger."""

    TEXT = "text"  # any string
    DIGEST = "sha256"  # 64 lower-case hex digits, or "" for none
    DECIMAL = "decimal"  # a number as a string: "0.8125", "-3", "1.5e-06"; or "" for unknown
    BITS = "bits"  # a string of 0 and 1, one per item
    NAME = "name"  # of a log or a key: printable ASCII without space and plus
    VKEY = "verifier key"  # `<name>+<key id>+<key>` (docs/ledger-format.md, section 5)
    BASE64 = "base64"
    INT = "int"
    INT_OR_NULL = "int or null"
    BOOL = "bool"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of an event's data."""

    kind: Kind
    meaning: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One type of event: when it is written, and its data."""

    meaning: str
    keys: Mapping[str, Key]
