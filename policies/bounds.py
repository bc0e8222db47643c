"""Work and size: what can be bounded from the text, and the same bounds for the operators at run time.

Bounds a single operation, not a program: loops, and memory that grows step by step, are the container's.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from policies.limits import (
    MAX_COMBINATORIAL,
    MAX_ELEMENTS,
    MAX_FORMAT_WIDTH,
    MAX_INT_BITS,
    MAX_MODULAR_BITS,
    MAX_RANGE,
    MAX_REPEAT,
    MAX_ROUND_DIGITS,
)

MAX_LITERAL_BITS = 1_024  # no float is larger
_SEQUENCES = (str, bytes, list, tuple, deque)
# What may follow the % and the key of a % format: flags, width, precision; `*` takes them from the arguments.
_PERCENT = re.compile(r"[-#0 +]*(\*|\d+)?(?:\.(\*|\d+))?")
_PARENTHESIS = re.compile(r"[()]")


class TooMuchWork(Exception):  # noqa: N818  (a finding or violation on its way up)
    """An operation that would need more than the limits permit."""


def check_multiply(left: object, right: object) -> None:
    """Refuse a repetition or a product that is too large.

    Raises:
        TooMuchWork: it is.
    """
    if type(left) is int and type(right) is int:
        if left.bit_length() + right.bit_length() > MAX_INT_BITS:
            raise TooMuchWork(f"integer product: expected at most {MAX_INT_BITS} bits; use floats")
        return
    sequence, times = (left, right) if isinstance(left, _SEQUENCES) else (right, left)
    if isinstance(sequence, _SEQUENCES) and len(sequence) * _count(times) > MAX_REPEAT:
        raise TooMuchWork(f"repetition: expected at most {MAX_REPEAT} elements; use torch.zeros or torch.full")


def _count(times: object) -> int:
    """Return how often a sequence is repeated."""
    return whole(times) or 0  # no repetition: Python raises, or the other operand decides


def whole(number: object) -> int | None:
    """Return what Python takes an argument for where it wants an integer: tensors of one integer count too."""
    try:
        return operator.index(number)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        return None


def check_power(base: object, exponent: object) -> None:
    """Refuse an integer power that is too large.

    Raises:
        TooMuchWork: it is.
    """
    if not (isinstance(base, int) and isinstance(exponent, int)) or abs(base) <= 1:
        return
    if base.bit_length() * abs(exponent) > MAX_INT_BITS:
        raise TooMuchWork(f"integer power: expected at most {MAX_INT_BITS} bits; use floats")


def check_shift(value: object, by: object) -> None:
    """Refuse an integer shift that is too large.

    Raises:
        TooMuchWork: it is.
    """
    if isinstance(value, int) and isinstance(by, int) and value.bit_length() + by > MAX_INT_BITS:
        raise TooMuchWork(f"shift: expected at most {MAX_INT_BITS} bits; use floats")


def check_percent(template: str) -> None:
    """Refuse a % format with wide fields, or widths taken from its arguments.

    Raises:
        TooMuchWork: it has one.
    """
    place = template.find("%")
    while place >= 0:
        found = _PERCENT.match(template, _after_key(template, place + 1))
        widths = [text for text in (found.groups() if found else ()) if text]
        if "*" in widths:
            raise TooMuchWork("format: expected widths written out, found *; use an f-string")
        check_widths(widths)
        place = template.find("%", found.end() + 1 if found else place + 1)


def _after_key(template: str, place: int) -> int:
    """Return where a key in parentheses ends, which may hold pairs of parentheses; without one, the place itself."""
    if template[place : place + 1] != "(":
        return place
    depth = 0
    for mark in _PARENTHESIS.finditer(template, place):
        depth += 1 if mark.group() == "(" else -1
        if depth == 0:
            return mark.end()
    return len(template)  # never closed: Python raises


def check_widths(widths: Iterable[str]) -> None:
    """Refuse numbers in a format specification that ask for very wide fields.

    Raises:
        TooMuchWork: one does.
    """
    if any(len(width) > len(str(MAX_FORMAT_WIDTH)) or int(width) > MAX_FORMAT_WIDTH for width in widths):
        raise TooMuchWork(f"format: expected a width of at most {MAX_FORMAT_WIDTH}; use a smaller one")


def check_specification(specification: str) -> None:
    """Refuse a format specification that asks for very wide fields.

    Raises:
        TooMuchWork: it does.
    """
    check_widths(re.findall(r"\d+", specification))


def check_length(length: int) -> None:
    """Refuse to make very long text.

    Raises:
        TooMuchWork: it would be.
    """
    if length > MAX_REPEAT:
        raise TooMuchWork(f"text: expected at most {MAX_REPEAT} characters; use shorter text")


def check_range(*bounds: int) -> None:
    """Refuse a range with more steps than can ever be taken.

    Raises:
        TooMuchWork: it has.
    """
    steps = range(*bounds)
    if steps and (steps[-1] - steps[0]) // steps.step >= MAX_RANGE:
        raise TooMuchWork(f"range: expected at most {MAX_RANGE} steps; use tensor operations")


def width_problems(widths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield a finding for a constant format specification that is too wide."""
    try:
        check_widths(widths)
    except TooMuchWork as error:
        yield "policy.work", str(error)


def operation_problems(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    """Yield a finding for an operation on constants that would be too much work."""
    try:
        _value(node)
    except TooMuchWork as error:
        yield "policy.work", str(error)
    if isinstance(node.op, ast.Mult):
        yield from _display_problems(node)


def _display_problems(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    """`[0] * 10**12`: the display's length is known though its elements are not."""
    for display, times in ((node.left, node.right), (node.right, node.left)):
        if isinstance(display, ast.List | ast.Tuple):
            count = _quietly(times)
            try:
                check_multiply([None] * len(display.elts), count)
            except TooMuchWork as error:
                yield "policy.work", str(error)


def call_problems(node: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield a finding for a call on constants that would be too much work."""
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name not in _CALLS:
        return
    values = [_quietly(argument) for argument in node.args]
    counts = {keyword.arg: _quietly(keyword.value) for keyword in node.keywords if keyword.arg in _COUNTS}
    named = {str(name): value for name, value in counts.items()} if _CALLS[name] is check_selection else {}
    try:
        _CALLS[name](*(value if type(value) is int else 0 for value in values), **named)
    except TooMuchWork as error:
        yield "policy.work", str(error)
    except (TypeError, ValueError):
        return  # the program's own error, at run time


def size_problems(node: ast.Call) -> Iterator[tuple[str, str]]:
    """Yield a finding for a tensor whose size is written out and larger than any machine's memory."""
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name in _SIZED:
        sizes = [_quietly(size) for argument in node.args[_SIZED[name]] for size in _parts(argument)]
        elements = math.prod(abs(size) for size in sizes if type(size) is int)
        elements **= 2 if name == "eye" and len(sizes) == 1 else 1
        if elements > MAX_ELEMENTS:
            yield "policy.work", f"{name}: expected at most {MAX_ELEMENTS} elements, found {elements:.0e}; use fewer"


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple | ast.List) else [node]


# Functions whose result is as large as their arguments say, and which arguments these are.
_ALL, _FIRST = slice(None), slice(1)
_SIZED: Mapping[str, slice] = {
    **dict.fromkeys(("zeros", "ones", "rand", "randn", "eye", "new_zeros", "new_ones", "repeat", "tile"), _ALL),
    **dict.fromkeys(("full", "new_full", "randperm"), _FIRST),
}


def check_combinatorial(*numbers: int) -> None:
    """Refuse large arguments of factorial, comb and perm.

    Raises:
        TooMuchWork: one is too large.
    """
    if any((whole(number) or 0) > MAX_COMBINATORIAL for number in numbers):
        raise TooMuchWork(f"factorial, comb, perm: expected at most {MAX_COMBINATORIAL}; use math.lgamma")


def check_common_multiple(*numbers: int) -> None:
    """Refuse a least common multiple that may be too large.

    Raises:
        TooMuchWork: it may be.
    """
    if sum((whole(number) or 0).bit_length() for number in numbers) > MAX_INT_BITS:
        raise TooMuchWork(f"lcm: expected at most {MAX_INT_BITS} bits; use floats")


def check_selection(*arguments: object, r: object = 0, repeat: object = 1, iterable: object = None) -> None:
    """Refuse products, combinations and permutations of very many places.

    Raises:
        TooMuchWork: there are too many.
    """
    places = max(whole(number) or 0 for number in (*arguments, r, repeat))
    if places > MAX_COMBINATORIAL or len(arguments) * (whole(repeat) or 0) > MAX_REPEAT:
        raise TooMuchWork(f"itertools: expected at most {MAX_COMBINATORIAL} places; choose fewer at a time")


def check_padding(width: int, *_: object) -> None:
    """Refuse to pad text to a great width.

    Raises:
        TooMuchWork: the width is too large.
    """
    if (whole(width) or 0) > MAX_REPEAT:
        raise TooMuchWork(f"padding: expected at most {MAX_REPEAT} characters; use a smaller width")


def check_round(number: object, ndigits: object = None) -> None:
    """Refuse to round to a great number of digits: integers grow with it.

    Raises:
        TooMuchWork: there are too many.
    """
    if abs(whole(ndigits) or 0) > MAX_ROUND_DIGITS:
        raise TooMuchWork(f"round: expected at most {MAX_ROUND_DIGITS} digits; use fewer")


def check_modular_power(*numbers: object) -> None:
    """Refuse a modular power of great integers.

    Raises:
        TooMuchWork: one has more than MAX_MODULAR_BITS.
    """
    if any((whole(number) or 0).bit_length() > MAX_MODULAR_BITS for number in numbers):
        raise TooMuchWork(f"pow: expected at most {MAX_MODULAR_BITS} bits; use floats")


def _check_pow(base: int, exponent: int, modulus: int | None = None) -> None:
    if modulus is None:
        check_power(base, exponent)


_CALLS: Mapping[str, Callable[..., None]] = {
    "range": check_range,
    "pow": _check_pow,
    "round": check_round,
    "factorial": check_combinatorial,
    "comb": check_combinatorial,
    "perm": check_combinatorial,
    "center": check_padding,
    "ljust": check_padding,
    "rjust": check_padding,
    "zfill": check_padding,
    "combinations": check_selection,
    "combinations_with_replacement": check_selection,
    "permutations": check_selection,
    "product": check_selection,
    "arange": check_range,
}
_COUNTS = frozenset({"r", "repeat"})


def _quietly(node: ast.expr) -> object:
    try:
        return _value(node)
    except TooMuchWork:
        return None  # has its own finding


def _value(node: ast.expr) -> object:
    """Return the value of constant integer arithmetic, text or None; never computes anything large."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, str):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _value(node.operand)
        return -operand if type(operand) is int else None
    if not isinstance(node, ast.BinOp):
        return None
    return _operation(node.op, _value(node.left), _value(node.right))


def _operation(op: ast.operator, left: object, right: object) -> object:
    if isinstance(op, ast.Mod) and isinstance(left, str):
        check_percent(left)
        return None
    if left is None or right is None:
        return None
    if isinstance(op, ast.Mult):
        check_multiply(left, right)
    if not (type(left) is int and type(right) is int):
        return None
    if isinstance(op, ast.Pow):
        check_power(left, right)
        return left**right if right >= 0 else None
    if isinstance(op, ast.LShift):
        check_shift(left, right)
        return left << right if right >= 0 else None
    return _small(op, left, right)


def _small(op: ast.operator, left: int, right: int) -> int | None:
    if isinstance(op, ast.Mult):
        return left * right
    if isinstance(op, ast.Add):
        return left + right
    return left - right if isinstance(op, ast.Sub) else None
