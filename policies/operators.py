"""The operators and number builtins that can make much from little, bounded. All else is Python's own."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from policies import bounds
from policies.proxies import PolicyViolation, raise_work

_INPLACE: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "+=": operator.iadd,
        "-=": operator.isub,
        "*=": operator.imul,
        "/=": operator.itruediv,
        "%=": operator.imod,
        "**=": operator.ipow,
        "<<=": operator.ilshift,
        ">>=": operator.irshift,
        "|=": operator.ior,
        "^=": operator.ixor,
        "&=": operator.iand,
        "//=": operator.ifloordiv,
        "@=": operator.imatmul,
    }
)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`, bounded for integers and sequences."""
    bounded(bounds.check_multiply, left, right)
    return left * right


def power(base: Any, exponent: Any, modulus: Any = None) -> Any:
    """`base ** exponent`, bounded for integers."""
    if modulus is not None:
        bounded(bounds.check_modular_power, base, exponent, modulus)
        return pow(base, exponent, modulus)
    bounded(bounds.check_power, base, exponent)
    return base**exponent


def shift_left(value: Any, by: Any) -> Any:
    """`value << by`, bounded for integers."""
    bounded(bounds.check_shift, value, by)
    return value << by


def modulo(left: Any, right: Any) -> Any:
    """`left % right`; formats are bounded in width."""
    if isinstance(left, str):
        bounded(bounds.check_percent, left)
    return left % right


_GROWING: Mapping[str, Callable[[Any, Any], None]] = MappingProxyType(
    {"*=": bounds.check_multiply, "**=": bounds.check_power, "<<=": bounds.check_shift}
)


def inplace(symbol: str, left: Any, right: Any) -> Any:
    """`left symbol= right`, as Python does it, with the bounds of the growing operators."""
    if symbol in _GROWING:
        bounded(_GROWING[symbol], left, right)
    elif symbol == "%=" and isinstance(left, str):
        bounded(bounds.check_percent, left)
    return _INPLACE[symbol](left, right)


def guarded_range(*limits: Any) -> range:
    """`range` with a bound on its steps."""
    steps = range(*limits)
    bounded(bounds.check_range, steps.start, steps.stop, steps.step)
    return steps


def guarded_iter(*arguments: Any) -> Iterator[Any]:
    """`iter` of one iterable: of a function and a sentinel it need not end."""
    if len(arguments) != 1:
        raise PolicyViolation("iter: expected one iterable; write a loop")
    return iter(arguments[0])


def guarded_round(number: Any, ndigits: Any = None) -> Any:
    """`round`, with a bound on the digits: integers grow with them."""
    bounded(bounds.check_round, number, ndigits)
    return round(number, ndigits)


def bounded(check: Callable[..., None], *operands: Any) -> None:
    try:
        check(*operands)
    except bounds.TooMuchWork as error:
        raise_work(error)
