"""What a program uses, in one value: operations, loops, randomness, branches, conversions, constants, helpers, size.

Pure, from the syntax tree: nothing is executed. It describes and decides nothing; what is counted is what is
written, not how often it runs.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeGuard

from policies import contract, hints
from policies.dialect import dialect
from policies.influence import branches, count
from policies.names import collect
from policies.profiles import STRICT
from policies.reports.escape import printable
from policies.source import Parsed, SourceRefused, lines_of, parse
from policies.uses import Kind, Use, kinds, uses

MAX_NAMES = 48  # per list in JSON; what is cut is named under `truncated`
MAX_NAME_CHARS = 48
MAX_NUMBER_BITS = 1_024  # of an integer that is written out

_LOOPS = frozenset({ast.For, ast.While, ast.comprehension})
_OUTER = frozenset({ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one program uses. Mappings are name -> how often it is written."""

    torch: Mapping[str, int]  # functions, types and constants of torch, without `torch.`
    tensor: Mapping[str, int]  # attributes and methods of tensors
    builtins: Mapping[str, int]
    standard: Mapping[str, int]  # members of the standard library's modules, dotted
    random: Mapping[str, int]  # those of torch and tensor that draw random numbers
    loops: Mapping[str, int]  # for, while, comprehension, depth
    branches: Mapping[str, int]  # conditions that depend on the parameter's name, layer or shape
    conversions: Mapping[str, int]  # methods that change dtype or device, and the keywords dtype= and device=
    dtypes: tuple[str, ...]  # that the program names
    constants: tuple[str, ...]  # numbers, as text, smallest first
    helpers: tuple[str, ...]  # functions beside merge_models
    recursive: tuple[str, ...]  # functions that reach themselves through calls
    extras: tuple[str, ...]  # what merge_models asks for beside model_dict and device
    size: Mapping[str, int]  # bytes, lines (with something on them), nodes

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON without floats, sorted and capped: what was cut is named under `truncated`."""
        value: dict[str, Any] = {}
        cut = []
        for one in fields(self):
            found = getattr(self, one.name)
            kept = _first(found) if isinstance(found, Mapping) else [_short(name) for name in found[:MAX_NAMES]]
            value[one.name] = kept
            if len(kept) < len(found):
                cut.append(one.name)
        return {**value, "truncated": cut}


def _first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the most frequent names; of equals the first of the alphabet."""
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_NAMES]
    return {_short(name): number for name, number in sorted(kept)}


def _short(name: str) -> str:
    return printable(name)[:MAX_NAME_CHARS]


def capabilities(source: str | bytes, profile: str = STRICT) -> Capabilities | None:
    """Return what a program uses, admitted or not; None where it cannot be parsed.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    of_profile = dialect(profile)
    try:
        parsed = parse(source)
    except (SourceRefused, RecursionError, MemoryError):
        return None
    nodes, _ = hints.divide(parsed.nodes)
    names = collect(nodes, of_profile)
    found = list(uses(parsed.tree, nodes, names, of_profile))
    return _summary(parsed, nodes, found, count(branches(parsed.tree, nodes, names, of_profile)))


def _summary(
    parsed: Parsed, nodes: Sequence[ast.AST], found: Sequence[Use], branching: Mapping[str, int]
) -> Capabilities:
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return Capabilities(
        torch=_counted(found, "torch"),
        tensor=_counted(found, "tensor"),
        builtins=_counted(found, "builtin"),
        standard=_counted(found, "standard"),
        random=Counter(_name(use) for use in found if use.random),
        loops=_loops(nodes),
        branches=branching,
        conversions=_conversions(nodes, found),
        dtypes=tuple(sorted({_name(use) for use in found if use.kind == "torch" and _name(use) in kinds()["dtype"]})),
        constants=tuple(_constants(nodes)),
        helpers=tuple(sorted({node.name for node in functions} - {contract.FUNCTION})),
        recursive=tuple(sorted(_recursive(nodes, functions))),
        extras=contract.extras(parsed.tree),
        size={
            "bytes": len(parsed.text.encode()),
            "lines": sum(bool(line.strip()) for line in lines_of(parsed.text)),
            "nodes": len(parsed.nodes),
        },
    )


def _name(use: Use) -> str:
    return use.name.removeprefix("torch.")


def _counted(found: Iterable[Use], kind: Kind) -> dict[str, int]:
    return Counter(_name(use) for use in found if use.kind == kind)


def _loops(nodes: Sequence[ast.AST]) -> dict[str, int]:
    found = Counter(type(node) for node in nodes if type(node) in _LOOPS)
    return {
        "for": found[ast.For],
        "while": found[ast.While],
        "comprehension": found[ast.comprehension],
        "depth": _depth(nodes) if found.total() > 1 else found.total(),
    }


def _depth(nodes: Sequence[ast.AST]) -> int:
    """Return how many loops are written within each other; calls of functions with loops are not followed."""
    deepest = 0
    inner: set[int] = set()  # loops that were reached from an outer one
    for node in nodes:
        if type(node) in _OUTER and id(node) not in inner:
            stack = [(node, 0)]
            while stack:
                within, depth = stack.pop()
                if type(within) in _OUTER:
                    inner.add(id(within))
                    depth += len(getattr(within, "generators", "1"))  # a comprehension has a loop for each `for`
                    deepest = max(deepest, depth)
                stack += [(child, depth) for child in _children(within)]
    return deepest


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            yield value
        elif type(value) is list:
            yield from (one for one in value if isinstance(one, ast.AST))


def _conversions(nodes: Iterable[ast.AST], found: Iterable[Use]) -> dict[str, int]:
    methods = Counter(use.name for use in found if use.kind == "tensor" and use.name in kinds()["converting"])
    keywords = (node.arg for node in nodes if isinstance(node, ast.keyword))
    return methods + Counter(f"{name}=" for name in keywords if name in {"dtype", "device"})


def _constants(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the numbers that are written, a minus sign before them included, each once."""
    signed = {id(node.operand) for node in nodes if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)}
    numbers: dict[str, float] = {}
    for node in nodes:
        if isinstance(node, ast.Constant) and _is_number(node.value):
            value = -node.value if id(node) in signed else node.value
            numbers[_text(value)] = _size(value)
    yield from sorted(numbers, key=lambda text: (numbers[text], text))


def _is_number(value: object) -> TypeGuard[int | float | complex]:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _text(number: complex) -> str:
    if isinstance(number, int) and number.bit_length() > MAX_NUMBER_BITS:
        return f"integer of {number.bit_length()} bits"  # its decimal text is slow, and refused by Python
    return repr(number)


def _size(number: complex) -> float:
    try:
        return float(number) if isinstance(number, int | float) else abs(number)
    except OverflowError:
        return float("inf")


def _recursive(nodes: Iterable[ast.AST], functions: Sequence[ast.FunctionDef]) -> set[str]:
    """Return the functions that reach themselves by calls written in them."""
    calls = {function.name: set[str]() for function in functions}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls:
            around = [one for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]
            if around:
                calls[max(around, key=lambda one: one.lineno).name].add(node.func.id)
    return {name for name in calls if name in _reached(calls, name)}


def _reached(calls: Mapping[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    waiting = list(calls[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(calls[name])
    return reached
