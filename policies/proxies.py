"""What imports resolve to: frozen stand-ins that hold the permitted members and nothing else.

The real modules are never handed out; nor is a type that could be called to get uninitialised memory.
"""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import itertools
import math
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodDescriptorType, ModuleType
from typing import Any, ClassVar, NoReturn

from policies.bounds import TooMuchWork
from policies.dialect import TENSOR_TYPES, Dialect

_STAND_INS = ("typing", "collections.abc")
_STANDARD: Mapping[str, ModuleType] = MappingProxyType(
    {"math": math, "functools": functools, "itertools": itertools, "collections": collections}
)


class PolicyViolation(BaseException):
    """A program tried what the dialect refuses. Not an `Exception`: no program can catch it.

    A `finally` that raises, or a generator that is thrown away, can still lose one. So they are counted:
    whoever runs a program compares `made` before and after.
    """

    made: ClassVar[int] = 0  # in this process, raised or not

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        PolicyViolation.made += 1


class Frozen:
    """An object whose attributes cannot be set, deleted or listed."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise PolicyViolation(f"attribute {name}: cannot be set; keep values in names or a dict")

    def __delattr__(self, name: str) -> NoReturn:
        raise PolicyViolation(f"attribute {name}: cannot be deleted")


class ModuleProxy(Frozen):
    """A module's permitted members."""

    __slots__ = ("members", "title")
    members: Mapping[str, Any]
    title: str

    def __init__(self, title: str, members: Mapping[str, Any]) -> None:
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "members", MappingProxyType(dict(members)))

    def __repr__(self) -> str:
        return f"<permitted members of {self.title}>"


class TypeName(Frozen):
    """A name of `typing`: may be subscripted and joined with |, and stands for nothing else at run time."""

    __slots__ = ("origin", "title")
    title: str
    origin: Any

    def __init__(self, title: str, origin: Any = None) -> None:
        object.__setattr__(self, "title", title)
        object.__setattr__(self, "origin", origin)

    def __getitem__(self, parameters: object) -> TypeName:
        return self

    def __or__(self, other: object) -> TypeName:
        return TypeName("Union", origin=_union(self, other))

    def __ror__(self, other: object) -> TypeName:
        return TypeName("Union", origin=_union(other, self))

    def __repr__(self) -> str:
        return self.title

    @property
    def name(self) -> str:
        """What `__name__` is of the class."""
        return str(getattr(self.origin, "__name__", self.title))


class ClassName(TypeName):
    """What `type(x)` gives for a class that programs cannot name: to be compared, printed and used in isinstance."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **options: Any) -> NoReturn:
        raise PolicyViolation(f"{self.title}: cannot be called; make the value another way")


class TensorType(TypeName):
    """`torch.Tensor` and its kin: for isinstance, annotations, and tensors made from lists."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<class '{self.title}'>"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        # torch.Size is a tuple that torch takes for a size: the elements would be whatever was in memory.
        if options or len(arguments) > 1 or (arguments and type(arguments[0]) not in (list, tuple)):
            raise PolicyViolation(f"{self.title}: expected one list; use torch.zeros or torch.tensor")
        return self.origin(*arguments)


class ParameterType(TypeName):
    """`torch.nn.Parameter`: for isinstance, and to mark a tensor; no gradients are taken."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<class '{self.title}'>"

    def __call__(self, data: Any, requires_grad: bool = False) -> Any:
        return self.origin(data, requires_grad=False)


_NAMED = (FunctionType, BuiltinFunctionType, MethodDescriptorType, type)


def name_of(value: Any) -> str:
    """Return `value.__name__` of a function or class, which is text and leads nowhere.

    Raises:
        AttributeError: it is neither.
    """
    if isinstance(value, TypeName):
        return value.name
    if not isinstance(value, _NAMED):
        raise AttributeError(f"{type(value).__name__!r} object has no attribute '__name__'")
    return str(value.__name__)


def real_type(classinfo: Any) -> Any:
    """Return what `isinstance` needs for a class, a stand-in or a tuple of them."""
    if isinstance(classinfo, tuple):
        return tuple(real_type(one) for one in classinfo)
    if isinstance(classinfo, TypeName):
        if classinfo.origin is None:
            raise TypeError(f"{classinfo.title} cannot be used with isinstance()")
        return classinfo.origin
    return classinfo


def _union(left: object, right: object) -> Any:
    parts = [real_type(part) if part is not None else type(None) for part in (left, right)]
    return tuple(parts)


def modules(dialect: Dialect, torch: ModuleType, standins: Mapping[tuple[str, str], Any]) -> dict[str, ModuleProxy]:
    """Return a proxy for each module of the dialect, by dotted name; `standins` go before the real members."""
    proxies: dict[str, ModuleProxy] = {}
    for name in sorted(dialect.modules, key=len, reverse=True):  # sub-modules first: they are members of others
        members = {}
        for member in dialect.modules[name]:
            dotted = f"{name}.{member}"
            if dotted in dialect.modules:
                members[member] = proxies[dotted]
            elif (name, member) in standins:
                members[member] = standins[name, member]
            else:
                members[member] = _member(name, member, torch, dialect)
        proxies[name] = ModuleProxy(name, members)
    return proxies


def _member(module: str, name: str, torch: ModuleType, dialect: Dialect) -> Any:
    if module in _STAND_INS:
        return False if name == "TYPE_CHECKING" else TypeName(name, _origin(name))
    if module in _STANDARD:
        return getattr(_STANDARD[module], name)
    real = functools.reduce(getattr, module.split(".")[1:], torch)
    if module == "torch" and name in TENSOR_TYPES:
        return TensorType(f"torch.{name}", getattr(real, name))
    value = getattr(real, name)
    if isinstance(value, ModuleType):
        raise TypeError(f"policy data: {module}.{name} is a module; only its own proxy may be handed out")
    return _without_output(value, dialect.refused_keywords) if isinstance(value, FunctionType) else value


def _origin(name: str) -> Any:
    """Return the class that a name of `typing` stands for in isinstance, where there is one."""
    if name in {"Dict", "List", "Tuple", "Set", "FrozenSet"}:
        return {"Dict": dict, "List": list, "Tuple": tuple, "Set": set, "FrozenSet": frozenset}[name]
    return getattr(collections.abc, name, None)


def _without_output(function: FunctionType, refused: Mapping[str, str]) -> Callable[..., Any]:
    """Functions in Python take by position what is refused by name: `torch.norm(x, 2, 0, False, out)`.

    An output is resized before the result is computed: where that fails, it holds whatever was in memory.
    """
    places = [index for index, name in enumerate(inspect.signature(function).parameters) if name in refused]
    by_position = [place for place in places if _takes_position(function, place)]
    if not by_position:
        return function

    @functools.wraps(function)
    def without(*arguments: Any, **named: Any) -> Any:
        if any(place < len(arguments) and arguments[place] is not None for place in by_position):
            raise PolicyViolation(f"{function.__name__}: no output argument; assign the result")
        return function(*arguments, **named)

    return without


def _takes_position(function: FunctionType, place: int) -> bool:
    parameter = list(inspect.signature(function).parameters.values())[place]
    return parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def raise_work(error: TooMuchWork) -> NoReturn:
    """End the program for an operation that is too much work."""
    raise PolicyViolation(str(error)) from None
