"""What the names of a program stand for: its own values, or modules and members that it imported.

Scopes are not told apart: a name that is bound in two ways anywhere stands for nothing known, and is then
judged as any value is. The guards decide again at run time, by the value itself.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.dialect import Dialect
from policies.transformer import is_class_name

Function = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a permitted module, or the module itself where `name` is empty."""

    module: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Every name that a program binds, by what binds it."""

    own: frozenset[str]  # assigned, parameters, loop variables, functions ...
    functions: Mapping[str, Function]  # bound by one def or lambda and nothing else
    imported: Mapping[str, Member]  # bound by imports of one thing and nothing else
    ambiguous: frozenset[str]  # imported, and something else too
    bound: frozenset[str]  # all of them
    parameters: frozenset[str]  # of any function of the program
    takes_any_keyword: bool  # some function of the program has **kwargs
    asked_for_name: frozenset[int]  # ids of the nodes `x.__class__` of `x.__class__.__name__`

    def resolve(self, node: ast.expr, dialect: Dialect) -> Member | None:
        """Return what a name or dotted name stands for, where that is a module or a member of one."""
        return resolve(node, self.imported, dialect)


def resolve(node: ast.expr, imported: Mapping[str, Member], dialect: Dialect) -> Member | None:
    """Return what a dotted name stands for, given what its first name does."""
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute):
        base = resolve(node.value, imported, dialect)
        if base is not None and not base.name:
            return member(base.module, node.attr, dialect)
    return None


def member(module: str, name: str, dialect: Dialect) -> Member:
    """Return `module.name`, as a module where it is one."""
    dotted = f"{module}.{name}"
    return Member(module=dotted) if dotted in dialect.modules else Member(module=module, name=name)


def collect(nodes: Sequence[ast.AST], dialect: Dialect) -> Names:
    """Find every binding of a program."""
    own: set[str] = set()
    functions: dict[str, list[Function]] = {}
    imported: dict[str, set[Member]] = {}
    parameters: set[str] = set()
    assigned: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                own.add(node.id)
                assigned[node.id] = assigned.get(node.id, 0) + 1
        elif isinstance(node, ast.arg):
            own.add(node.arg)
            parameters.add(node.arg)
            assigned[node.arg] = assigned.get(node.arg, 0) + 1
        elif isinstance(node, ast.FunctionDef):
            own.add(node.name)
            functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            own.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, target in _imports(node, dialect):
                imported.setdefault(name, set()).add(target)
    _aliases(nodes, imported, assigned, own, dialect)
    known = _unambiguous(imported, own)
    return Names(
        own=frozenset(own),
        functions={n: f[0] for n, f in functions.items() if len(f) == 1 and n not in assigned and n not in imported},
        imported=known,
        ambiguous=frozenset(imported.keys() - known.keys()),
        bound=frozenset(own | imported.keys()),
        parameters=frozenset(parameters),
        takes_any_keyword=any(isinstance(node, ast.arguments) and node.kwarg for node in nodes),
        asked_for_name=frozenset(
            id(node.value) for node in nodes if isinstance(node, ast.Attribute) and is_class_name(node)
        ),
    )


def _imports(node: ast.Import | ast.ImportFrom, dialect: Dialect) -> list[tuple[str, Member]]:
    """Return (name bound, what it stands for) for each name of an import."""
    if isinstance(node, ast.ImportFrom):
        return [(a.asname or a.name, member(node.module or "", a.name, dialect)) for a in node.names]
    return [(a.asname or a.name.partition(".")[0], Member(module=_bound(a))) for a in node.names]


def _bound(alias: ast.alias) -> str:
    """`import a.b` binds a; `import a.b as c` binds a.b."""
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _aliases(
    nodes: Sequence[ast.AST],
    imported: dict[str, set[Member]],
    assigned: Mapping[str, int],
    own: set[str],
    dialect: Dialect,
) -> None:
    """Follow `F = torch.nn.functional`: the only assignment of a name, from a name that is known."""
    for node in nodes:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            continue
        name = node.targets[0].id
        if assigned.get(name) != 1 or name in imported or not isinstance(node.value, ast.Name | ast.Attribute):
            continue
        target = resolve(node.value, _unambiguous(imported, own), dialect)
        if target is not None:
            imported[name] = {target}
            own.discard(name)


def _unambiguous(imported: Mapping[str, set[Member]], own: set[str]) -> dict[str, Member]:
    return {name: next(iter(found)) for name, found in imported.items() if len(found) == 1 and name not in own}
