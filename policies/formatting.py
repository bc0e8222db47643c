"""Text methods that could read attributes or make endless text: format, computed f-strings, join, replace."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from policies.bounds import TooMuchWork, check_length, check_specification
from policies.proxies import PolicyViolation, raise_work

# As in the syntax tree: none, !r, !s, !a.
_CONVERSIONS: Mapping[int, Callable[[Any], Any]] = {-1: lambda value: value, 114: repr, 115: str, 97: ascii}


class SafeFormatter(string.Formatter):
    """`str.format` without attributes and subscripts in fields, which would bypass every other guard."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return the argument that a field names, by position or name alone."""
        if "." in field_name or "[" in field_name:
            raise PolicyViolation(f"format field {field_name}: no attributes or items; use an f-string")
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> str:
        """Format one value, bounded in width."""
        return format_value(value, -1, format_spec)


def format_value(value: Any, conversion: int, specification: str) -> str:
    """Format one value as an f-string does, bounded in width.

    Raises:
        PolicyViolation: the specification asks for a very wide field.
    """
    try:
        check_specification(str(specification))
    except TooMuchWork as error:
        raise_work(error)
    return format(_CONVERSIONS[conversion](value), specification)


def format_text(template: str, /, *arguments: Any, **named: Any) -> str:
    """`template.format(...)` of plain values."""
    return SafeFormatter().vformat(template, arguments, named)


def join(separator: str, parts: Iterable[str], /) -> str:
    """`separator.join(parts)`, bounded in length."""
    pieces = list(parts)
    if isinstance(separator, str):
        between = len(separator) * len(pieces)
        _bounded_length(between + sum(len(piece) for piece in pieces if isinstance(piece, str)))
    return separator.join(pieces)


def replace(text: str, old: str, new: str, count: int = -1, /) -> str:
    """`text.replace(old, new)`, bounded in length."""
    if isinstance(text, str) and isinstance(old, str) and isinstance(new, str) and len(new) > len(old):
        found = text.count(old)
        times = min(found, count) if count >= 0 else found
        _bounded_length(len(text) + times * (len(new) - len(old)))
    return str.replace(text, old, new, count)


# Text methods that make long text from short, also as functions of `str`.
GROWING_TEXT: Mapping[str, Callable[..., str]] = {"join": join, "replace": replace}


def _bounded_length(length: int) -> None:
    try:
        check_length(length)
    except TooMuchWork as error:
        raise_work(error)
