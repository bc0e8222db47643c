"""Which keyword arguments reach a callee, decided at run time by what the callee is. Positional ones reach anything.

The program's own functions take what they like; all else takes what the dialect lists. Calls whose keywords are
all on the list never come here.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any

from policies.dialect import Dialect
from policies.formatting import format_text
from policies.proxies import PolicyViolation

_MAPPINGS = frozenset({dict, OrderedDict, Counter, defaultdict})


class Calls:
    """Calls made by one program, which is told by its namespace."""

    def __init__(self, dialect: Dialect, namespace: Mapping[str, Any]) -> None:
        self._dialect = dialect
        self._namespace = namespace

    def apply(self, function: Any, /, *arguments: Any, **named: Any) -> Any:
        """Call a function.

        Raises:
            PolicyViolation: it is not the program's own, and takes a keyword argument that is not permitted.
        """
        if named and not self._is_own(function):
            self._judge(function, named)
        return function(*arguments, **named)

    def _is_own(self, function: Any) -> bool:
        """Say whether a function is the program's, or one that torch.no_grad() wrapped."""
        while type(function) is FunctionType:
            if function.__globals__ is self._namespace:
                return True
            function = function.__dict__.get("__wrapped__")
        return False

    def _judge(self, function: Callable[..., Any], named: Mapping[str, Any]) -> None:
        refused, permitted = self._dialect.refused_keywords, self._dialect.keywords
        for name, value in named.items():
            if name in refused:
                if value is not None and value is not False:
                    raise PolicyViolation(f"argument {name}=: not permitted; {refused[name]}")
            elif name not in permitted and not _takes_any(function):
                raise PolicyViolation(f"argument {name}=: not permitted; leave it out")


def _takes_any(function: Any) -> bool:
    """Say whether keyword arguments are mere data for a function: `dict`, `update`, `"...".format`."""
    if isinstance(function, type):
        return function in _MAPPINGS
    if type(function) is partial:
        return function.func is format_text
    return getattr(function, "__name__", "") == "update" and type(getattr(function, "__self__", None)) in _MAPPINGS
