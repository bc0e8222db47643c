"""Small stand-ins for what harmless programs use of the standard library: copy, re, warnings, logging, operator.

They do what a merging program means by them and nothing else: no reducers, no debug output, no handlers, no files.
"""

from __future__ import annotations

import copy
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from policies import operators
from policies.proxies import PolicyViolation, TypeName

_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII


def members(torch: ModuleType) -> Mapping[tuple[str, str], Any]:
    """Return the stand-ins by (module, member)."""
    return MappingProxyType(
        {
            **{("copy", name): function for name, function in _copiers(torch.Tensor).items()},
            **{("re", name): function for name, function in _PATTERNS.items()},
            **{("operator", name): function for name, function in _OPERATORS.items()},
            **{("warnings", name): _ignore for name in ("warn", "filterwarnings", "simplefilter")},
            **{("logging", name): _ignore for name in ("basicConfig", "debug", "info", "warning", "error")},
            ("typing", "TypeVar"): lambda name, *constraints, **options: TypeName(f"~{name}"),
            ("typing", "cast"): lambda kind, value: value,
            ("logging", "getLogger"): lambda name=None: Logger(),
        }
    )


class Logger:
    """A logger whose messages go nowhere."""

    __slots__ = ()

    def log(self, *message: object, **options: object) -> None:
        """Drop one message."""

    setLevel = debug = info = warning = error = exception = critical = log  # noqa: N815  (logging's own names)


def _ignore(*arguments: object, **options: object) -> None:
    """Do nothing: where plain Python would write to standard error."""


def _copiers(tensor: type) -> Mapping[str, Callable[..., Any]]:
    """Return `copy` and `deepcopy` of tensors and containers; all else is its own copy."""

    def shallow(value: Any) -> Any:
        if isinstance(value, tensor):
            return value.detach()  # type: ignore[attr-defined]
        return value.copy() if type(value) in _CONTAINERS else value

    def deep(value: Any, memo: None = None) -> Any:
        return _deep(value, tensor, {})

    return {"copy": shallow, "deepcopy": deep}


_MAPPINGS = frozenset({dict, OrderedDict, Counter, defaultdict})
_CONTAINERS = _MAPPINGS | {list, deque, set}


def _deep(value: Any, tensor: type, seen: dict[int, Any]) -> Any:
    """Copy what `seen` does not hold yet, so that what was one value stays one."""
    if id(value) in seen:
        return seen[id(value)]
    made = value
    if isinstance(value, tensor):
        made = copy.deepcopy(value)
    elif type(value) is tuple:
        made = tuple(_deep(item, tensor, seen) for item in value)
    elif type(value) in _CONTAINERS:
        made = seen[id(value)] = value.copy()
        if type(value) in _MAPPINGS:
            for key, item in value.items():
                made[key] = _deep(item, tensor, seen)
        elif type(value) is not set:
            made.clear()
            made.extend(_deep(item, tensor, seen) for item in value)
    seen[id(value)] = made
    return made


def _compile(pattern: Any, flags: Any = 0) -> re.Pattern[str]:
    """Compile without the flag that prints the compiled pattern."""
    if isinstance(pattern, re.Pattern) and not flags:
        return pattern
    if int(flags) & ~int(_FLAGS):
        raise PolicyViolation("re: expected only the flags I, M, S, X and A; leave the others out")
    return re.compile(pattern, flags)


_PATTERNS: Mapping[str, Any] = MappingProxyType(
    {
        "compile": _compile,
        "search": lambda pattern, string, flags=0: _compile(pattern, flags).search(string),
        "match": lambda pattern, string, flags=0: _compile(pattern, flags).match(string),
        "fullmatch": lambda pattern, string, flags=0: _compile(pattern, flags).fullmatch(string),
        "findall": lambda pattern, string, flags=0: _compile(pattern, flags).findall(string),
        "finditer": lambda pattern, string, flags=0: _compile(pattern, flags).finditer(string),
        "split": lambda pattern, string, maxsplit=0, flags=0: _compile(pattern, flags).split(string, maxsplit),
        "sub": lambda pattern, repl, string, count=0, flags=0: _compile(pattern, flags).sub(repl, string, count),
    }
)

_OPERATORS: Mapping[str, Any] = MappingProxyType(
    {
        "mul": operators.multiply,
        "pow": operators.power,
        "mod": operators.modulo,
    }
)
