"""Whether an event's data has the form that the table gives it: its keys, and the kind of each value. Not truth.

Every event that is written or read passes here, so there is a fast way that only says yes, and a slow one
that names what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import MAX_DEPTH, MAX_INT, is_plain, plain
from orchestrator.ledger.events import EVENT_TYPES
from orchestrator.ledger.kinds import Key, Kind

_Check = tuple[str, tuple[type, ...], Callable[[Any], object] | None]
"""A key, the types that its value may have, and what must be true of the value besides."""


def in_form(event_type: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data as plain JSON values (`canonical.plain`) if it has the form of its type.

    Raises:
        LedgerError: the type is unknown, a key is missing, or a value is of another kind or has no canonical form.
    """
    if type(data) is dict and _fits(event_type, data):
        return data
    said: Mapping[str, Any] = plain(data, at="$.data", depth=1)
    require_form(event_type, said)
    return said


def require_form(event_type: str, data: Mapping[str, Any]) -> None:
    """Check plain data against the table.

    Raises:
        LedgerError: the type is unknown, a key is missing, or a value is of another kind.
    """
    known = EVENT_TYPES.get(event_type)
    if known is None:
        raise LedgerError(
            f"event type {event_type!r}: expected one of the {len(EVENT_TYPES)} in docs/events.md",
            remedy="add it to EVENT_TYPES with its meaning and keys",
        )
    for name, spec in known.keys.items():
        if name in data:
            _require_kind(event_type, name, spec, data[name])
        elif spec.required:
            raise LedgerError(f"event {event_type}: missing key `{name}` ({spec.kind}: {spec.meaning})")


def free_text(event_type: str, data: Mapping[str, Any]) -> Any:
    """Return what may hold any text: no digests, numbers and the like, whose form has been checked."""
    return (
        [data[name] for name in _FREE[event_type]]
        if len(data) == len(_REQUIRED[event_type])
        else free(event_type, data)
    )


def free(event_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the data that may hold any text."""
    closed = _CLOSED[event_type]
    return {name: value for name, value in data.items() if name not in closed}


def _fits(event_type: str, data: dict[str, Any]) -> bool:
    """Say whether the data has the form and is plain. False where only a closer look can tell."""
    checks = _REQUIRED.get(event_type)
    if checks is None:
        return False
    for name, kinds, holds in checks:
        value = data.get(name, _MISSING)
        if type(value) not in kinds or (holds is not None and not holds(value)):
            return False
    return len(checks) == len(data) or (is_plain(data, MAX_DEPTH - 1) and _fits_rest(event_type, data))


def _fits_rest(event_type: str, data: dict[str, Any]) -> bool:
    return all(
        name not in data or (type(data[name]) in kinds and (holds is None or holds(data[name])))
        for name, kinds, holds in _OPTIONAL[event_type]
    )


def _require_kind(event_type: str, name: str, spec: Key, value: object) -> None:
    kinds, holds = _KINDS[spec.kind]
    if type(value) not in kinds or (holds is not None and not holds(value)):
        raise LedgerError(f"event {event_type}: key `{name}`: expected {spec.kind}, found {value!r:.80}")


def _is_plain_value(value: object) -> bool:
    return is_plain(value, MAX_DEPTH - 2)  # within data, within the event


def _whole(value: int | None) -> bool:
    return value is None or -MAX_INT <= value <= MAX_INT


_MISSING = object()
_KINDS: Mapping[Kind, tuple[tuple[type, ...], Callable[[Any], object] | None]] = {
    Kind.TEXT: ((str,), None),
    Kind.DIGEST: ((str,), re.compile(r"(?:[0-9a-f]{64})?").fullmatch),
    Kind.DECIMAL: ((str,), re.compile(r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)?").fullmatch),
    Kind.BITS: ((str,), re.compile(r"[01]*").fullmatch),
    Kind.NAME: ((str,), re.compile(r"[!-*,-~]{1,200}").fullmatch),
    Kind.VKEY: ((str,), re.compile(r"[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}").fullmatch),
    Kind.BASE64: ((str,), re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch),
    Kind.INT: ((int,), range(-MAX_INT, MAX_INT + 1).__contains__),
    Kind.INT_OR_NULL: ((int, type(None)), _whole),
    Kind.BOOL: ((bool,), None),
    Kind.LIST: ((list,), _is_plain_value),
    Kind.MAP: ((dict,), _is_plain_value),
}


def _checks(*, required: bool) -> dict[str, tuple[_Check, ...]]:
    return {
        name: tuple((key, *_KINDS[spec.kind]) for key, spec in event.keys.items() if spec.required is required)
        for name, event in EVENT_TYPES.items()
    }


_REQUIRED = _checks(required=True)
_OPTIONAL = _checks(required=False)
_FREE_KINDS = (Kind.TEXT, Kind.LIST, Kind.MAP)
_FREE = {
    name: tuple(key for key, spec in event.keys.items() if spec.required and spec.kind in _FREE_KINDS)
    for name, event in EVENT_TYPES.items()
}
_CLOSED: Mapping[str, frozenset[str]] = {
    name: frozenset(key for key, spec in event.keys.items() if spec.kind not in _FREE_KINDS)
    for name, event in EVENT_TYPES.items()
}
