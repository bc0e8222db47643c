"""Text formatting that reads no attributes and makes no endless fields: `"...".format(...)` and computed f-strings."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policies.bounds import TooMuchWork, check_specification
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
