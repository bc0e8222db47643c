"""What a program may hold, decided by the value itself and without the guards: everything else is an escape.

Deny by default: a value is permitted because its type is listed here, or because it is one of the very objects
that the guards hand out. Shallow, except where `deep` says so.
"""

from __future__ import annotations

import collections
import io
import itertools
import types
from collections.abc import Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from policies.dialect import Dialect
from policies.guards import Guards
from policies.meters import Printed, Turns
from policies.proxies import ModuleProxy, PolicyViolation, TypeName

MAX_VALUES = 20_000  # looked at in one deep search
_NEVER = (types.ModuleType, types.FrameType, types.CodeType, types.TracebackType, types.CellType, io.IOBase)
_ORDERED: collections.OrderedDict[str, int] = collections.OrderedDict()
_VIEWS: tuple[Any, ...] = ({}.keys(), {}.items(), {}.values(), _ORDERED.keys(), _ORDERED.items(), _ORDERED.values())
_ITERABLE: tuple[Any, ...] = ([], (), "", "\xe4", {}, set(), range(0), range(2**70), list[int], collections.deque())
_REVERSIBLE: tuple[Any, ...] = ([], {}, {}.items(), {}.values(), collections.deque(), _ORDERED, range(2**70))
_ENDLESS = {itertools.repeat, itertools.count, itertools.cycle}  # programs get bounded ones
_PLAIN = frozenset(
    {type(None), type(...), type(NotImplemented), bool, int, float, complex, str, slice, range, types.GenericAlias}
    | {types.UnionType, list, tuple, dict, set, frozenset, enumerate, zip, map, filter, reversed, types.GeneratorType}
    | {collections.Counter, collections.OrderedDict, collections.defaultdict, collections.deque}
    | {type(iter(values)) for values in (*_ITERABLE, *_VIEWS)}
    | {type(reversed(values)) for values in _REVERSIBLE}
    | {type(view) for view in _VIEWS}
    | {type(next(itertools.groupby([1]))[1])}
    | {kind for kind in vars(itertools).values() if isinstance(kind, type) and kind not in _ENDLESS}
)
_PROXIES = (ModuleProxy, TypeName, Printed, Turns)
_OF_TORCH = ("Size", "device", "dtype", "Generator", "finfo", "iinfo", "memory_format", "no_grad", "inference_mode")


class Invariant:
    """What one program may hold: its own functions, and what the guards and proxies hand out."""

    def __init__(self, dialect: Dialect, torch: ModuleType, guards: Guards, namespace: Mapping[str, Any]) -> None:
        self._attributes = dialect.attributes
        self._namespace = namespace
        self._tensors = (torch.Tensor, torch.nn.Parameter)
        handed = [*_members(guards), *namespace["__builtins__"].values()]
        self._kept = handed  # so that no other object can take an identity
        self._handed = {id(value) for value in handed}
        self._types = {value for value in handed if isinstance(value, type)}
        self._instances = {getattr(torch, name) for name in _OF_TORCH}
        self._storages = (torch.UntypedStorage, torch.TypedStorage)

    def problem(self, value: Any) -> str:
        """Say why a program must not hold a value; empty where it may."""
        if isinstance(value, _NEVER + self._storages):
            return f"a {type(value).__name__}: {str(value)[:80]}"
        if isinstance(value, type):
            return "" if value in self._types or value in _NAMEABLE else f"the type {value}"
        if id(value) in self._handed or type(value) in _PLAIN or isinstance(value, _PROXIES):
            return ""
        if self._is_value_of_torch(value) or _is_exception(value):
            return ""
        return self._problem_of_callable(value)

    def _is_value_of_torch(self, value: Any) -> bool:
        kind = type(value)
        if kind in self._tensors:
            return True
        return kind in self._instances or kind.__module__ == "torch.return_types"

    def _problem_of_callable(self, value: Any) -> str:
        if isinstance(value, types.FunctionType):
            return "" if self._is_known_function(value) else f"the function {value.__module__}.{value.__qualname__}"
        if isinstance(value, types.BuiltinFunctionType | types.MethodType):
            return self._problem_of_method(value)
        if isinstance(value, types.MethodDescriptorType | types.ClassMethodDescriptorType):
            return "" if value.__name__ in self._attributes else f"the method {value.__qualname__}"
        if type(value) is partial:
            return self._problem_of_callable(value.func)  # what is bound in it no program can read
        return f"a value of {type(value).__module__}.{type(value).__qualname__}"

    def _problem_of_method(self, value: Any) -> str:
        owner = value.__self__
        if isinstance(owner, Guards):
            return ""
        if owner is None or isinstance(owner, ModuleType) or value.__name__ not in self._attributes:
            return f"the builtin {value.__qualname__}"
        return self.problem(owner)

    def _is_known_function(self, value: types.FunctionType) -> bool:
        """Say whether a function is the program's, the guards', or torch.no_grad() around something permitted."""
        if value.__globals__ is self._namespace or value.__globals__["__name__"].startswith("policies."):
            return True
        decorated = value.__code__.co_filename.endswith("/torch/utils/_contextlib.py")
        return decorated and self.problem(value.__dict__.get("__wrapped__")) == ""

    def deep(self, value: Any) -> Iterator[str]:
        """Yield the problems of a value and of all that it contains."""
        stack, seen = [value], {id(value)}
        while stack and len(seen) < MAX_VALUES:
            found = stack.pop()
            if problem := self.problem(found):
                yield problem
            for inner in _contents(found):
                if id(inner) not in seen:
                    seen.add(id(inner))
                    stack.append(inner)


_NAMEABLE = frozenset({bool, complex, dict, float, frozenset, int, list, set, str, tuple})


def _members(guards: Guards) -> Iterator[Any]:
    for proxy in guards._modules.values():
        yield from proxy.members.values()


def _is_exception(value: Any) -> bool:
    return isinstance(value, Exception) and not isinstance(value, PolicyViolation)


def _contents(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | collections.deque):
        return list(value)
    return list(value.args) if isinstance(value, Exception) else []
