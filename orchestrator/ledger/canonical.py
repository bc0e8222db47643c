"""The one way to write a JSON value as bytes, so that equal values have equal digests.

Canonical: UTF-8, no white space, ASCII keys in sorted order and no key twice, no floats, integers within
+-(2^53-1), no lone surrogates. For these values RFC 8785 (JCS) gives the same bytes. Numbers that are
not whole travel as decimal strings. Pure: nothing here reads or writes a file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import orjson

from orchestrator.errors import LedgerError

MAX_INT = 2**53 - 1  # beyond it JSON readers disagree (RFC 7493 section 2.2)
MAX_DEPTH = 32  # containers within containers
_MAX_KNOWN_KEYS = 4096


def canonical(value: object) -> bytes:
    """Return the canonical bytes of a JSON value (None, bool, int, str, list, tuple, mapping).

    Law: `decode(canonical(v)) == v` for every value that it takes, with tuples read back as lists.

    Raises:
        LedgerError: a float, a large integer, a key that is not ASCII text, a lone surrogate, another
            type, or nesting beyond `MAX_DEPTH`; the place is named.
    """
    return dumped(value) if is_plain(value) else orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS)


def dumped(value: object) -> bytes:
    """Return the canonical bytes of a value of which `is_plain` holds.

    Raises:
        LedgerError: a lone surrogate.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # the slow way names the place
        return orjson.dumps(plain(value), option=orjson.OPT_SORT_KEYS)


def decode(data: bytes) -> Any:
    """Return the value of canonical bytes; any other spelling of the same value is refused.

    Raises:
        LedgerError: not JSON, or not canonical.
    """
    value = decode_unchecked(data)
    if not is_plain(value):
        plain(value)  # names the place
    return value


def decode_unchecked(data: bytes) -> Any:
    """Return the value of bytes as `decode` does; the caller sees to it that `is_plain` holds of all its parts.

    Raises:
        LedgerError: not JSON, or not spelled as the canonical bytes of the same value are.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise LedgerError(f"expected canonical JSON, found {_peek(data)}: {error}") from error
    if dumped(value) != data:  # orjson takes the last of duplicate keys
        raise LedgerError(f"expected canonical JSON, found another spelling of it: {_peek(data)}")
    return value


def digest(value: object) -> str:
    """Return the sha256 (hex) of a value's canonical bytes."""
    return sha256_of(canonical(value))


def sha256_of(data: bytes) -> str:
    """Return the sha256 (hex) of bytes."""
    return hashlib.sha256(data).hexdigest()


def decimal(number: float) -> str:
    """Return a finite number as the shortest decimal string that reads back as the same float.

    Raises:
        LedgerError: NaN or infinite.
    """
    if not math.isfinite(number):
        raise LedgerError(f"expected a finite number, found {number!r}", remedy='record "" for unknown')
    return repr(float(number)) if number != int(number) or abs(number) > MAX_INT else str(int(number))


def decimals(value: object) -> Any:
    """Return a JSON value with every float in it as a decimal: what a configuration needs to be recorded."""
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, Mapping):
        return {key: decimals(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [decimals(item) for item in value]
    return value


def is_plain(value: object, depth: int = MAX_DEPTH) -> bool:
    """Say whether `plain` would give the value back as it is; lone surrogates aside. The fast way through most."""
    kind = type(value)
    if kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]
            if key not in _known_keys and not _learn(key):
                return False
            if type(item) is not str and not is_plain(item, depth - 1):
                return False
        return depth > 0
    if kind is list:
        return depth > 0 and all(type(item) is str or is_plain(item, depth - 1) for item in value)  # type: ignore[attr-defined]
    if kind is int:
        return -MAX_INT <= value <= MAX_INT  # type: ignore[operator]
    return kind is str or kind is bool or value is None


_known_keys: set[object] = set()  # good ones; events share a few hundred


def _learn(key: object) -> bool:
    if type(key) is not str or not key.isascii() or not key.isprintable():
        return False
    if len(_known_keys) < _MAX_KNOWN_KEYS:
        _known_keys.add(key)
    return True


def plain(value: object, *, at: str = "$", depth: int = 0) -> Any:
    """Return the value built of dict, list, str, int, bool and None alone; raises as `canonical` does."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value, at)
    if isinstance(value, int):
        return _whole(value, at)
    if depth >= MAX_DEPTH:
        raise LedgerError(f"{at}: expected at most {MAX_DEPTH} levels of nesting, found more")
    if isinstance(value, Mapping):
        return {_key(key, at): plain(item, at=f"{at}.{key}", depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, at=f"{at}[{index}]", depth=depth + 1) for index, item in enumerate(value)]
    raise LedgerError(
        f"{at}: expected null, bool, int, str, list or map, found {type(value).__name__}",
        remedy="write a float with `decimal`, bytes by their digest",
    )


def _text(value: str, at: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LedgerError(
            f"{at}: expected Unicode text, found a lone surrogate at {error.start}", remedy="escape it with `printable`"
        ) from error
    return str(value)  # a StrEnum becomes its value


def _whole(value: int, at: str) -> int:
    if abs(value) > MAX_INT:
        raise LedgerError(f"{at}: expected an integer within +-(2^53-1), found {value}", remedy="write it as a string")
    return int(value)


def _key(key: object, at: str) -> str:
    if not isinstance(key, str) or not key.isascii() or not key.isprintable():
        raise LedgerError(f"{at}: expected keys of printable ASCII, found {key!r:.80}")
    return str(key)


def _peek(data: bytes) -> str:
    return f"{len(data)} bytes beginning {data[:40]!r}"
