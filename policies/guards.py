"""Runs an admitted program under guards, inside the container. Not a wall: the container is.

`load` checks again, compiles the very tree that was checked, and executes the module body with a namespace
whose only ways out are the guards below. They decide by the value at hand: its type says which attributes
it has, and what has no entry has none.
"""

from __future__ import annotations

import importlib
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any

from RestrictedPython.Eval import default_guarded_getitem, default_guarded_getiter

from policies.bounds import check_padding
from policies.calling import Calls
from policies.checker import CheckResult, Compiled, examine
from policies.contract import FUNCTION
from policies.dialect import BOUNDED_TEXT, PADDING, Dialect, dialect
from policies.endings import contained
from policies.formatting import GROWING_TEXT, format_text, format_value
from policies.limits import MAX_TURNS
from policies.meters import Printed as Printed
from policies.meters import Turns
from policies.operators import (
    bounded,
    guarded_iter,
    guarded_range,
    guarded_round,
    inplace,
    modulo,
    multiply,
    power,
    shift_left,
)
from policies.profiles import STRICT, ProfileError
from policies.proxies import (
    ClassName,
    ModuleProxy,
    PolicyViolation,
    TensorType,
    TypeName,
    modules,
    name_of,
    real_type,
)
from policies.source import FILENAME as FILENAME
from policies.standins import standins

_MISSING = object()


class Program:
    """A loaded program: call `merge` once per parameter; `output` is what it printed, capped."""

    def __init__(self, function: Callable[..., Any], extras: tuple[str, ...], guards: Guards) -> None:
        self._function = function
        self._extras = extras
        self._printed = guards.printed
        self._turns = guards.turns
        self._torch = guards.torch

    @property
    def output(self) -> str:
        """What the program printed so far, at most MAX_PRINT_BYTES of UTF-8."""
        return self._printed.text

    def merge(
        self,
        model_dict: Mapping[str, Any],
        device: Any,
        *,
        name: str,
        base: Any,
        layer: int | None,
        num_layers: int,
        generator: Any,
    ) -> object:
        """Call merge_models for one parameter, with the extras that it names; returns whatever it returns.

        Raises:
            PolicyViolation: it tried what the dialect refuses. Whatever else it raises comes out as it is.
        """
        supplied = {"name": name, "base": base, "layer": layer, "num_layers": num_layers, "generator": generator}
        self._turns.left = MAX_TURNS
        with contained(self._torch):
            return self._function(model_dict, device, **{extra: supplied[extra] for extra in self._extras})


def load(source: str, *, profile: str = STRICT, torch: ModuleType) -> Program:
    """Check a program again, compile the tree that was checked, and execute its module body under guards.

    Raises:
        PolicyViolation: it is refused, or its module body tried what the dialect refuses. Whatever else the
            module body raises comes out as it is.
        UnknownProfileError: there is no such profile.
    """
    result, compiled = _examined(source, profile)
    if compiled is None:
        raise PolicyViolation("; ".join(str(finding) for finding in result.findings[:3]))
    guards = Guards(profile, torch, Printed())
    namespace = guards.namespace()
    with contained(torch):
        exec(compiled.code, namespace)  # noqa: S102
    function = namespace.get(FUNCTION)
    if not callable(function):
        raise PolicyViolation(f"{FUNCTION}: expected a function, found {type(function).__name__}")
    return Program(function, compiled.extras, guards)


@lru_cache(maxsize=1)
def _examined(source: str, profile: str) -> tuple[CheckResult, Compiled | None]:
    """A program that is loaded again, as screening does, is not checked again: code cannot be changed."""
    return examine(source, profile)


def require(profile: str, torch: ModuleType) -> None:
    """See that all that a profile permits can be handed out: a custom one may allow what torch does not have.

    Raises:
        ProfileError: it cannot; UnknownProfileError where there is no such profile.
    """
    try:
        _modules(profile, torch)
        missing = [name for name in dialect(profile).types["Tensor"] if not hasattr(torch.Tensor, name)]
    except (AttributeError, TypeError) as error:
        raise ProfileError(f"policy profile: {error}; take it out of [unsafe_allow]") from None
    if missing:
        raise ProfileError(f"policy profile: Tensor.{missing[0]}: torch has none; take it out of [unsafe_allow]")


@cache
def _modules(profile: str, torch: ModuleType) -> Mapping[str, ModuleProxy]:
    """Proxies are frozen, so all programs of a process share them."""
    return modules(dialect(profile), torch, standins(torch))


class Guards:
    """The functions that rewritten programs call, and the builtins that they see."""

    def __init__(self, profile: str, torch: ModuleType, printed: Printed) -> None:
        of_profile = dialect(profile)
        self._dialect = of_profile
        self.printed = printed
        self.turns = Turns()
        self.torch = torch
        self._modules = _modules(profile, torch)
        self._own_types: dict[type, TypeName] = {}
        self._by_type = _attributes_by_type(of_profile, torch)
        self._writable = frozenset({dict, list, OrderedDict, defaultdict, Counter, deque, torch.Tensor})
        self._tensor = torch.Tensor
        self._namespace: dict[str, Any] = {}

    def namespace(self) -> dict[str, Any]:
        """Return the globals for a program: a name, and builtins that hold the guards too."""
        self._namespace.update(__name__="program", __builtins__={**self._builtins(), **self._hooks()})
        return self._namespace

    def _hooks(self) -> dict[str, Any]:
        return {
            "_getattr_": self.getattr,
            "_getitem_": default_guarded_getitem,
            "_getiter_": default_guarded_getiter,
            "_write_": self.write,
            "_apply_": Calls(self._dialect, self._namespace).apply,
            "_turn_": self.turns,
            "_inplacevar_": inplace,
            "_import_": self.import_,
            "__import__": import_for_extensions,
            "_mul_": multiply,
            "_pow_": power,
            "_lshift_": shift_left,
            "_mod_": modulo,
            "_format_": format_value,
            "_Exception_": Exception,
            "_typename_": lambda value: type(value).__name__,
            "_nameof_": name_of,
        }

    def _builtins(self) -> dict[str, Any]:
        import builtins

        guarded = {
            "getattr": self.getattr_builtin,
            "hasattr": self.hasattr_builtin,
            "isinstance": lambda value, classinfo: isinstance(value, _plain(real_type(classinfo))),
            "iter": guarded_iter,
            "print": self.printed,
            "range": guarded_range,
            "type": self.type_of,
            "pow": power,
            "round": guarded_round,
            "format": lambda value, specification="": format_value(value, -1, specification),
        }
        return {name: guarded.get(name, getattr(builtins, name)) for name in self._dialect.builtins}

    def getattr(self, value: Any, name: str) -> Any:
        """Return an attribute that the dialect permits for the value's type.

        Raises:
            AttributeError: the type has no such attribute, permitted or not.
            PolicyViolation: it has one, and the dialect does not permit it.
        """
        permitted = self._by_type.get(type(value))
        if permitted is not None and name in permitted:
            return getattr(value, name)
        return self._other_attribute(value, name)

    def _other_attribute(self, value: Any, name: str) -> Any:
        """The attributes that are not simply the real ones."""
        if type(value) is ModuleProxy:
            return self._member(value, name)
        if type(value) is str:
            return self._text_method(value, name)
        if isinstance(value, type):
            return self._class_attribute(value, name)
        if name in self._permitted_by_kind(value):
            return getattr(value, name)
        return self._refuse(value, name)

    def _member(self, module: ModuleProxy, name: str) -> Any:
        if name not in module.members:
            raise PolicyViolation(f"{module.title}.{name}: not permitted; use what the dialect lists")
        return module.members[name]

    def _text_method(self, text: str, name: str) -> Any:
        if name == "format":
            return partial(format_text, text)
        if name in GROWING_TEXT.keys() & self._dialect.types["str"]:
            return partial(GROWING_TEXT[name], text)
        if name in PADDING:
            return lambda width, *fill: self._padded(text, name, width, *fill)
        return self._refuse(text, name)

    def _padded(self, text: str, name: str, width: Any, *fill: str) -> Any:
        bounded(check_padding, width)
        return getattr(text, name)(width, *fill)

    def _class_attribute(self, value: type, name: str) -> Any:
        """`dict.fromkeys`, `str.lower`, `chain.from_iterable`: what instances may do, except format and padding."""
        if value is str and name in GROWING_TEXT.keys() & self._dialect.types["str"]:
            return GROWING_TEXT[name]
        kind = self._dialect.types["chain"] if value is chain else self._by_type.get(value)
        if kind is not None and value is not self._tensor and name in kind:
            return self._of_class(value, name)
        return self._refuse(value, name)

    def _of_class(self, value: type, name: str) -> Any:
        """Functions in C check whose method they are; those in Python do not: `Counter.copy(list)` would be `type`."""
        found = getattr(value, name)
        if isinstance(found, FunctionType) or not callable(found):
            raise PolicyViolation(f"attribute {name} of class {value.__name__}: take it from a value")
        return found

    def _permitted_by_kind(self, value: Any) -> frozenset[str]:
        if type(value) is TensorType:
            return frozenset()
        if isinstance(value, self._tensor):
            return self._dialect.types["Tensor"]
        if isinstance(value, Exception):
            return self._dialect.types["exception"]
        if type(value).__module__ == "torch.return_types":
            return self._dialect.types["result"]
        return frozenset()

    def _refuse(self, value: Any, name: str) -> Any:
        if type(value) is TensorType and name in self._dialect.types["Tensor"]:
            return self._unbound(value, name)
        kind = value.title if isinstance(value, TypeName) else type(value).__name__
        if type(name) is str and not name.startswith("_") and name not in dir(value):
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")
        raise PolicyViolation(f"attribute {name} of {kind}: not permitted")

    def _unbound(self, tensor_type: TensorType, name: str) -> Any:
        """`torch.Tensor.mean` as a function of a tensor; not its properties."""
        found = getattr(tensor_type.origin, name)
        if not callable(found):
            raise PolicyViolation(f"attribute {name} of {tensor_type.title}: take it from a tensor")
        return partial(self._of_tensor, found) if isinstance(found, FunctionType) else found

    def _of_tensor(self, function: Callable[..., Any], /, tensor: Any, *arguments: Any, **named: Any) -> Any:
        """Call a method in Python, which does not check whose it is."""
        if not isinstance(tensor, self._tensor):
            raise PolicyViolation(f"{function.__name__}: expected a tensor, found {type(tensor).__name__}")
        return function(tensor, *arguments, **named)

    def getattr_builtin(self, value: Any, name: str, default: Any = _MISSING) -> Any:
        """`getattr` through the same guard."""
        if type(name) is not str:
            raise PolicyViolation("getattr: expected the attribute's name as text")
        try:
            return self.getattr(value, name)
        except AttributeError:
            if default is _MISSING:
                raise
            return default

    def hasattr_builtin(self, value: Any, name: str) -> bool:
        """`hasattr` through the same guard."""
        return self.getattr_builtin(value, name, _MISSING_ATTRIBUTE) is not _MISSING_ATTRIBUTE

    def type_of(self, *values: Any, **options: Any) -> Any:
        """`type` of one value: the class where programs can name it anyway, else a name that can be compared."""
        if len(values) != 1 or options:
            raise PolicyViolation("type: expected one value; classes cannot be made")
        kind = type(values[0])
        if kind in _NAMEABLE:
            return kind
        if kind is self._tensor:
            return self._member(self._modules["torch"], "Tensor")
        return self._own_types.setdefault(kind, ClassName(repr(kind), kind))

    def write(self, value: Any) -> Any:
        """Let items of containers and tensors be set and deleted, and nothing else; Python refuses constants itself."""
        if type(value) not in self._writable | _CONSTANT and not isinstance(value, self._tensor):
            raise PolicyViolation(f"{type(value).__name__}: its items cannot be set; build a new value")
        return value

    def import_(self, module: str, name: str = "") -> Any:
        """Return the proxy of a permitted module, or a member of one."""
        if module not in self._modules:
            raise PolicyViolation(f"import {module}: not permitted")
        return self._member(self._modules[module], name) if name else self._modules[module]


_MISSING_ATTRIBUTE = object()
_CONSTANT = frozenset(
    {bool, complex, float, frozenset, int, range, set, str, tuple, type(None)}
)  # have no items to set
_NAMEABLE = frozenset({bool, complex, dict, float, frozenset, int, list, set, str, tuple})


def _attributes_by_type(of_profile: Dialect, torch: ModuleType) -> dict[type, frozenset[str]]:
    types = of_profile.types
    return {
        torch.Tensor: types["Tensor"],
        dict: types["dict"],
        list: types["list"],
        tuple: types["tuple"],
        str: types["str"] - BOUNDED_TEXT - GROWING_TEXT.keys(),
        set: types["set"],
        frozenset: types["frozenset"],
        int: types["number"],
        float: types["number"],
        bool: types["number"],
        complex: types["number"],
        range: types["range"],
        slice: types["range"],
        OrderedDict: types["OrderedDict"],
        defaultdict: types["dict"],
        Counter: types["Counter"],
        deque: types["deque"],
        torch.Size: types["Size"],
        torch.device: types["device"],
        torch.dtype: types["dtype"],
        torch.finfo: types["finfo"],
        torch.iinfo: types["finfo"],
        torch.Generator: types["Generator"],
    }


def import_for_extensions(name: str, *_: object) -> None:
    """Serve the imports that torch's C code makes from within a program's frame; give nothing back.

    CPython looks `__import__` up in the running frame's builtins and then takes the module from `sys.modules`.
    Programs cannot spell the name, and their own imports are rewritten.
    """
    importlib.import_module(name)


def _plain(classinfo: Any) -> Any:
    """`range` is a guarded function in programs, and a type in isinstance."""
    if isinstance(classinfo, tuple):
        return tuple(_plain(one) for one in classinfo)
    return range if classinfo is guarded_range else classinfo
