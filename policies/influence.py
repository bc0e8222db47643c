"""Which branches of a program depend on the parameter's name, its layer or its shape.

Follows values through assignments, loops and the program's own functions, without telling scopes apart, and not
through tensor operations: what is computed from a tensor's elements is no branch on its shape. A reviewer's aid:
it may name a branch too many.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from policies import contract
from policies.dialect import Dialect
from policies.names import Function, Names
from policies.uses import kinds

Source = Literal["name", "layer", "shape"]
Sources = frozenset[Source]

_EXTRAS: Mapping[str, Source] = {"name": "name", "layer": "layer", "num_layers": "layer"}
_MAX_ROUNDS = 4  # a value that passes through more assignments against the source's order is given up
_NONE: Sources = frozenset()
_THROUGH = (
    ast.BinOp
    | ast.BoolOp
    | ast.Compare
    | ast.Dict
    | ast.FormattedValue
    | ast.IfExp
    | ast.JoinedStr
    | ast.List
    | ast.NamedExpr
    | ast.Set
    | ast.Slice
    | ast.Starred
    | ast.Subscript
    | ast.Tuple
    | ast.UnaryOp
)


def branches(
    tree: ast.Module, nodes: Sequence[ast.AST], names: Names, dialect: Dialect
) -> list[tuple[ast.expr, Sources]]:
    """Return every condition that depends on one of the sources, with those that it depends on."""
    extras: dict[str, Sources] = {name: frozenset({_EXTRAS[name]}) for name in contract.extras(tree) if name in _EXTRAS}
    tests = [test for node in nodes for test in _conditions(node)]
    shapes = any(isinstance(node, ast.Attribute) and node.attr in kinds()["shape"] for node in nodes)
    if not tests or not (extras or shapes):
        return []
    flow = _Flow(names=names, text=dialect.types["str"] | {"get"}, values=extras, returns=list(_returns(tree)))
    flow.settle(nodes)
    found = [(test, flow.of(test)) for test in tests]
    return [(test, sources) for test, sources in found if sources]


def count(found: Sequence[tuple[ast.expr, Sources]]) -> dict[str, int]:
    """Return how many conditions depend on each source."""
    counts = Counter(source for _, sources in found for source in sources)
    return {source: counts[source] for source in ("name", "layer", "shape")}


def _returns(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield (function, value) for every return statement."""
    stack: list[tuple[ast.AST, str]] = [(tree, "")]
    while stack:
        node, function = stack.pop()
        if isinstance(node, ast.Return) and node.value is not None:
            yield function, node.value
        inside = node.name if isinstance(node, ast.FunctionDef) else function
        stack.extend((child, inside) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


@dataclass(slots=True, kw_only=True)
class _Flow:
    """What each name and each function's result depends on."""

    names: Names
    text: frozenset[str]  # methods that give text, a number of it, or what a dict has for it
    values: dict[str, Sources]
    returns: Sequence[tuple[str, ast.expr]]
    results: dict[str, Sources] = field(default_factory=dict)
    seen: dict[int, Sources] = field(default_factory=dict)  # of this round: nested expressions are asked about often
    shape: frozenset[str] = field(default_factory=lambda: kinds()["shape"])
    changed: bool = False

    def settle(self, nodes: Sequence[ast.AST]) -> None:
        for _ in range(_MAX_ROUNDS):
            self.changed = False
            for node in nodes:
                self._take(node)
            for function, value in self.returns:
                self._put(self.results, function, self.of(value))
            self.seen.clear()
            if not self.changed:
                return

    def of(self, node: ast.AST) -> Sources:
        """Return what an expression depends on."""
        if isinstance(node, ast.Name):
            return self.values.get(node.id, _NONE)
        if id(node) not in self.seen:
            self.seen[id(node)] = self._of(node)
        return self.seen[id(node)]

    def _of(self, node: ast.AST) -> Sources:
        if isinstance(node, ast.Attribute):
            return frozenset({"shape"}) if node.attr in self.shape else _NONE
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return self._union([node.elt, *(part for one in node.generators for part in (one.iter, *one.ifs))])
        return self._union(ast.iter_child_nodes(node)) if isinstance(node, _THROUGH) else _NONE

    def _of_call(self, node: ast.Call) -> Sources:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in self.shape:
                return frozenset({"shape"})
            if node.func.attr in self.text or self._is_standard(node.func.value):
                return self._union([node.func.value, *arguments])
            return _NONE
        if not isinstance(node.func, ast.Name) or node.func.id in self.names.imported:
            return _NONE
        if node.func.id in self.names.functions:
            return self.results.get(node.func.id, _NONE)
        return self._union(arguments)

    def _is_standard(self, node: ast.expr) -> bool:
        """Say whether a name stands for a module of the standard library: its functions compute with plain values."""
        found = self.names.imported.get(node.id) if isinstance(node, ast.Name) else None
        return found is not None and found.module.partition(".")[0] != "torch"

    def _union(self, nodes: Iterable[ast.AST]) -> Sources:
        return _NONE.union(*(self.of(node) for node in nodes))

    def _take(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, self.of(node.value))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            self._bind(node.target, self.of(node.value) if node.value else _NONE)
        elif isinstance(node, ast.For | ast.comprehension):
            self._bind(node.target, self.of(node.iter))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            self._pass(node, self.names.functions.get(node.func.id))

    def _pass(self, node: ast.Call, own: Function | None) -> None:
        """Hand what the arguments depend on to the parameters of the program's own function."""
        if own is None:
            return
        places = [*own.args.posonlyargs, *own.args.args]
        for place, argument in zip(places, node.args, strict=False):
            self._put(self.values, place.arg, self.of(argument))
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._put(self.values, keyword.arg, self.of(keyword.value))

    def _bind(self, target: ast.expr, sources: Sources) -> None:
        if isinstance(target, ast.Name):
            self._put(self.values, target.id, sources)
        elif isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._bind(element, sources)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, sources)

    def _put(self, where: dict[str, Sources], name: str, sources: Sources) -> None:
        if not sources <= where.get(name, _NONE):
            where[name] = where.get(name, _NONE) | sources
            self.changed = True
