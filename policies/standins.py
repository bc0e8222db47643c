"""Members of modules that are not the real thing: bounded, without state, or made of the program's own functions.

What takes a function here takes only one that the program itself wrote, and calls it as Python does: nothing
reaches a function of torch by a way that the guards do not see.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from policies.bounds import TooMuchWork, check_combinatorial, check_common_multiple, check_multiply, check_selection
from policies.kernels import kernels
from policies.limits import MAX_ENDLESS, MAX_REPEAT
from policies.proxies import ParameterType, PolicyViolation, TypeName, raise_work
from policies.source import FILENAME

_MISSING = object()
_SELECTIONS = ("combinations", "combinations_with_replacement", "permutations", "product")


def standins(torch: ModuleType) -> Mapping[tuple[str, str], Any]:
    """Return what a program gets for (module, member), where that is not the real one."""
    return {
        ("math", "factorial"): _bounded(math.factorial, check_combinatorial),
        ("math", "comb"): _bounded(math.comb, check_combinatorial),
        ("math", "perm"): _bounded(math.perm, check_combinatorial),
        ("math", "lcm"): _bounded(math.lcm, check_common_multiple),
        ("math", "prod"): _product,
        **{("itertools", name): _bounded(getattr(itertools, name), check_selection) for name in _SELECTIONS},
        ("typing", "TypeVar"): lambda name, *constraints, **options: TypeName(f"~{name}"),
        ("typing", "cast"): lambda kind, value: value,
        ("functools", "lru_cache"): lru_cache,
        ("functools", "cache"): lambda function: _remembering(function, None, typed=False),
        ("functools", "wraps"): wraps,
        ("itertools", "count"): count,
        ("itertools", "cycle"): cycle,
        ("itertools", "repeat"): repeat,
        ("torch.nn", "Parameter"): ParameterType("torch.nn.parameter.Parameter", torch.nn.Parameter),
        **_modules_without_state(torch.nn.functional),
        **kernels(torch),
    }


def _modules_without_state(functional: Any) -> dict[tuple[str, str], Any]:
    """`nn.Softmax(dim=0)(x)`: the function with its options, for modules that hold nothing else."""
    losses = ("CosineEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "SmoothL1Loss")
    functions = ("cosine_embedding_loss", "huber_loss", "kl_div", "l1_loss", "mse_loss", "smooth_l1_loss")
    made: dict[str, Any] = {
        "CosineSimilarity": lambda dim=1, eps=1e-8: lambda x1, x2: functional.cosine_similarity(x1, x2, dim, eps),
        "Softmax": lambda dim=None: lambda input: functional.softmax(input, dim),
        "LogSoftmax": lambda dim=None: lambda input: functional.log_softmax(input, dim),
        "ReLU": lambda inplace=False: lambda input: functional.relu(input, inplace),
        "ELU": lambda alpha=1.0, inplace=False: lambda input: functional.elu(input, alpha, inplace),
        "LeakyReLU": lambda negative_slope=0.01, inplace=False: (
            lambda input: functional.leaky_relu(input, negative_slope, inplace)
        ),
        "GELU": lambda approximate="none": lambda input: functional.gelu(input, approximate=approximate),
        "SiLU": lambda inplace=False: lambda input: functional.silu(input, inplace),
        "Softplus": lambda beta=1.0, threshold=20.0: lambda input: functional.softplus(input, beta, threshold),
        "Dropout": lambda p=0.5, inplace=False: lambda input: functional.dropout(input, p, True, inplace),
        "Sigmoid": lambda: lambda input: input.sigmoid(),
        "Tanh": lambda: lambda input: input.tanh(),
        "Identity": lambda *unused, **named: lambda input: input,
        **{name: _loss(getattr(functional, function)) for name, function in zip(losses, functions, strict=True)},
    }
    return {("torch.nn", name): value for name, value in made.items()}


def _loss(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **options: lambda *tensors: function(*tensors, **options)


def lru_cache(maxsize: Any = 128, typed: bool = False) -> Any:
    """`functools.lru_cache`, with or without brackets, for the program's own functions."""
    if callable(maxsize):
        return _remembering(maxsize, 128, typed)
    return lambda function: _remembering(function, maxsize, typed)


def _remembering(function: Any, maxsize: int | None, typed: bool) -> Callable[..., Any]:
    """The function with a memory. A plain function: the real one would hand the original out."""
    _require_own(function, "lru_cache")
    remembering = functools.lru_cache(maxsize=maxsize, typed=typed)(function)

    def remembered(*arguments: Any, **named: Any) -> Any:
        return remembering(*arguments, **named)

    remembered.__name__ = function.__name__
    remembered.__dict__["__wrapped__"] = function  # takes the keywords that the function takes (`calling.py`)
    return remembered


def wraps(wrapped: Any, assigned: Any = (), updated: Any = ()) -> Callable[[Any], Any]:
    """`functools.wraps`: of all that it copies, a program can read the name only."""

    def named(wrapper: Any) -> Any:
        _require_own(wrapper, "wraps")
        name = getattr(wrapped, "__name__", None)
        if type(name) is str:
            wrapper.__name__ = name
        return wrapper

    return named


def _require_own(function: Any, taker: str) -> None:
    """Refuse anything but a function that the program wrote, or one that torch.no_grad() wrapped."""
    inner = function
    while type(inner) is FunctionType and inner.__code__.co_filename != FILENAME:
        inner = inner.__dict__.get("__wrapped__")
    if type(inner) is not FunctionType:
        raise PolicyViolation(f"functools.{taker}: expected a function defined in the program; write a def")


def count(start: Any = 0, step: Any = 1) -> Iterator[Any]:
    """`itertools.count`, which ends the program instead of going on for ever."""
    if not all(hasattr(type(number), "__float__") for number in (start, step)):
        raise TypeError("a number is required")
    return _counting(start, step)


def _counting(number: Any, step: Any) -> Iterator[Any]:
    for _ in range(MAX_ENDLESS):
        yield number
        number = number + step
    raise _endless("count")


def cycle(iterable: Iterable[Any]) -> Iterator[Any]:
    """`itertools.cycle`, bounded like `count`."""
    return _cycling(iter(iterable))


def _cycling(first: Iterator[Any]) -> Iterator[Any]:
    seen = []
    for value in first:
        seen.append(value)
        yield value
    for _ in range(MAX_ENDLESS if seen else 0):
        yield from seen
    if seen:
        raise _endless("cycle")


def repeat(object: Any, times: Any = _MISSING) -> Iterator[Any]:
    """`itertools.repeat`, bounded like `count`; how often may be said, up to MAX_REPEAT."""
    if times is _MISSING:
        return _repeating(object)
    found = itertools.repeat(object, times)
    if found.__length_hint__() > MAX_REPEAT:
        raise PolicyViolation(f"itertools.repeat: expected at most {MAX_REPEAT} times; use tensor operations")
    return found


def _repeating(value: Any) -> Iterator[Any]:
    for _ in range(MAX_ENDLESS):
        yield value
    raise _endless("repeat")


def _endless(name: str) -> PolicyViolation:
    return PolicyViolation(f"itertools.{name}: expected to be left within {MAX_ENDLESS} steps; use a range")


def _bounded(function: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    def bounded(*arguments: Any, **named: Any) -> Any:
        try:
            check(*arguments, **named)
        except TooMuchWork as error:
            raise_work(error)
        return function(*arguments, **named)

    return bounded


def _product(values: Any, /, *, start: Any = 1) -> Any:
    """`math.prod`, bounded for integers."""
    step = _bounded(operator.mul, check_multiply)
    return functools.reduce(step, values, start)
