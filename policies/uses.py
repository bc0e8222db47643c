"""What a program uses of torch, of tensors, of Python's builtins and of the standard library, node by node.

From the syntax tree and the program's own names, as the checker sees them. Whether a value is a tensor is
seldom told by the text: a name that tensors have is taken for the tensor's, unless the value is plainly another.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from policies import contract
from policies.dialect import Dialect
from policies.names import Member, Names

Kind = Literal["torch", "tensor", "value", "builtin", "standard"]


@cache
def kinds() -> Mapping[str, frozenset[str]]:
    """Return names by what they do: random, sized, converting, dtype, shape."""
    text = resources.files("policies.data").joinpath("kinds.toml").read_text(encoding="utf-8")
    return {kind: frozenset(names.split()) for kind, names in tomllib.loads(text).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One place where a program names something that is not its own."""

    kind: Kind
    name: str  # dotted for members of modules; of a method its name alone
    node: ast.expr

    @property
    def random(self) -> bool:
        """Whether it draws random numbers."""
        return self._is("random")

    @property
    def sized(self) -> bool:
        """Whether it makes tensors as large as its arguments say."""
        return self._is("sized")

    def _is(self, kind: str) -> bool:
        return self.kind in ("torch", "tensor") and self.name.rpartition(".")[2] in kinds()[kind]


def uses(tree: ast.Module, nodes: Iterable[ast.AST], names: Names, dialect: Dialect) -> Iterator[Use]:
    """Yield the uses in the order of the nodes; annotations are none where `nodes` leaves them out."""
    texts, dicts = _plain_parameters(tree)
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield from _attribute(node, names, dialect, texts, dicts)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from _name(node, names, dialect)


def _name(node: ast.Name, names: Names, dialect: Dialect) -> Iterator[Use]:
    found = names.imported.get(node.id)
    if found is not None and found.name:
        yield _of_module(found, node)
    elif found is None and node.id not in names.bound and node.id in dialect.builtins:
        yield Use(kind="builtin", name=node.id, node=node)


def _attribute(
    node: ast.Attribute, names: Names, dialect: Dialect, texts: frozenset[str], dicts: frozenset[str]
) -> Iterator[Use]:
    base = names.resolve(node.value, dialect)
    if base is None:
        other = _is_text(node.value, texts) or (isinstance(node.value, ast.Name) and node.value.id in dicts)
        tensor = node.attr in dialect.types["Tensor"] and not other
        yield Use(kind="tensor" if tensor else "value", name=node.attr, node=node)
    elif base.name:
        tensor = base == Member(module="torch", name="Tensor")
        yield Use(kind="tensor" if tensor else "value", name=node.attr, node=node)
    else:
        found = names.resolve(node, dialect)
        if found is not None and found.name:
            yield _of_module(found, node)


def _of_module(found: Member, node: ast.expr) -> Use:
    kind: Kind = "torch" if found.module.partition(".")[0] == "torch" else "standard"
    return Use(kind=kind, name=f"{found.module}.{found.name}", node=node)


def _is_text(node: ast.expr, texts: frozenset[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in texts
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _plain_parameters(tree: ast.Module) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that the contract says are text, and those that are dicts."""
    function = contract.function(tree)
    if function is None:
        return frozenset(), frozenset()
    places = [*function.args.posonlyargs, *function.args.args]
    return frozenset({"name"}.intersection(contract.extras(tree))), frozenset(place.arg for place in places[:1])
