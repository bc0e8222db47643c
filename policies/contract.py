"""The program contract: a function merge_models(model_dict, device), and the extras that the platform supplies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

FUNCTION = "merge_models"
EXTRAS = ("name", "base", "layer", "num_layers", "generator")


def function(tree: ast.Module) -> ast.FunctionDef | None:
    """Return the last merge_models at module level, which is the one that Python keeps."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == FUNCTION]
    return found[-1] if found else None


def problems(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield (node, rule, message) for what keeps the platform from calling the program."""
    node = function(tree)
    if node is None:
        yield tree, "contract.missing", f"no def {FUNCTION}(model_dict, device) at module level; define it there"
        return
    arguments = node.args
    places = [*arguments.posonlyargs, *arguments.args]
    if (len(places) < 2 and not arguments.vararg) or any(place.arg in EXTRAS for place in places[:2]):
        message = f"{FUNCTION}: expected model_dict and device as the first two parameters; add them"
        yield node, "contract.parameters", message
    for argument in _unsuppliable(arguments):
        message = (
            f"{FUNCTION}: parameter {argument.arg} cannot be supplied; give it a default, or use {', '.join(EXTRAS)}"
        )
        yield argument, "contract.parameters", message


def _unsuppliable(arguments: ast.arguments) -> list[ast.arg]:
    """Return the required parameters after the first two that are not extras by name."""
    places = [*arguments.posonlyargs, *arguments.args]
    required = places[: len(places) - len(arguments.defaults)][2:]
    only = [a for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    by_name = {id(argument) for argument in [*arguments.args, *arguments.kwonlyargs] if argument.arg in EXTRAS}
    return [argument for argument in [*required, *only] if id(argument) not in by_name]


def extras(tree: ast.Module) -> tuple[str, ...]:
    """Return the extras that merge_models names, after its first two parameters."""
    node = function(tree)
    if node is None:
        return ()
    places = [*node.args.posonlyargs, *node.args.args][2:]
    named = [a for a in [*places, *node.args.kwonlyargs] if a not in node.args.posonlyargs]
    return tuple(argument.arg for argument in named if argument.arg in EXTRAS)
