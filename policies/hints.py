"""Type annotations: set apart, judged as mere text, and later dropped by the rewriting. They are never evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_PERMITTED = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Tuple,
    ast.List,
    ast.Constant,
    ast.BinOp,
    ast.BitOr,
    ast.UnaryOp,  # Literal[-1]
    ast.USub,
    ast.Load,
)

_FIELDS: dict[type[ast.AST], str] = {ast.FunctionDef: "returns", ast.arg: "annotation", ast.AnnAssign: "annotation"}


def divide(nodes: Sequence[ast.AST]) -> tuple[list[ast.AST], list[ast.AST]]:
    """Return (nodes that run, nodes of annotations)."""
    texts: dict[int, ast.AST] = {}
    for node in nodes:
        field = _FIELDS.get(type(node))
        root = getattr(node, field) if field else None
        if root is not None:
            texts.update((id(inner), inner) for inner in ast.walk(root))
    return [node for node in nodes if id(node) not in texts], list(texts.values())


def problems(texts: Sequence[ast.AST]) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield (node, rule, message) for annotations that are more than names, subscripts and unions."""
    for node in texts:
        if not isinstance(node, _PERMITTED):
            yield node, "policy.node", f"annotation: {type(node).__name__} is no part of a type; write a plain type"
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            yield node, "policy.attribute", f"attribute {node.attr}: not reachable; write a plain type"
        elif isinstance(node, ast.Name) and node.id.startswith("__"):
            yield node, "policy.name", f"name {node.id}: reserved for the machinery; write a plain type"
