"""Mutations of programs as syntax trees: into what the policy must refuse, into the same program, into anything.

Pure: chance is passed in. `spoil` and `reshape` say what must become of their result; `splice` promises nothing.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cache
from random import Random

from policies.dialect import Dialect, dialect

Spoiled = tuple[str, frozenset[str]]  # text, and the rules of which one must be found
_MEMBER_OR_ATTRIBUTE = frozenset({"policy.member", "policy.attribute"})
_MACHINERY = (
    "_getattr_",
    "_getitem_",
    "_write_",
    "_apply_",
    "_import_",
    "_turn_",
    "__builtins__",
    "__import__",
    "__x__",
)
_DUNDERS = (
    "__class__",
    "__globals__",
    "__code__",
    "__dict__",
    "__subclasses__",
    "__reduce__",
    "_base",
    "_C",
    "__self__",
)
_FRAMES = (
    "gi_frame",
    "cr_frame",
    "ag_frame",
    "tb_frame",
    "f_globals",
    "gi_code",
    "obj",
    "with_traceback",
    "format_map",
)
_MODULES = ("os", "sys", "subprocess", "ctypes", "builtins", "pickle", "torch.hub", "torch.utils.data", "operator")


def spoil(source: str, chance: Random) -> Spoiled:
    """Return a harmless program with one thing in it that must be refused, and the rules for that."""
    tree = ast.parse(source)
    places = _Places(tree)
    return chance.choice(_SPOILERS)(tree, places, chance)


class _Places:
    """Where a program can be changed so that it counts: not in annotations, docstrings and the main block."""

    def __init__(self, tree: ast.Module) -> None:
        skipped = {id(inner) for node in ast.walk(tree) for part in _skipped(node) for inner in ast.walk(part)}
        self.nodes = [node for node in ast.walk(tree) if id(node) not in skipped]
        self.bodies = [body for node in self.nodes for body in _bodies(node)]

    def names(self) -> list[ast.Name]:
        return [n for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load) and n.id != "__name__"]

    def attributes(self) -> list[ast.Attribute]:
        return [n for n in self.nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)]

    def calls(self) -> list[ast.Call]:
        return [n for n in self.nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]


def _skipped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    if isinstance(node, ast.Module):
        yield from (test for test in node.body if isinstance(test, ast.If) and "__name__" in ast.dump(test.test))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        body = getattr(node, field, None)
        if isinstance(body, list) and body and isinstance(node, ast.stmt | ast.ExceptHandler | ast.Module):
            yield body


def _insert(places: _Places, statement: str, chance: Random) -> None:
    body = chance.choice(places.bodies)
    future = [i for i, s in enumerate(body) if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
    at = chance.randrange(max(future, default=-1) + 1, len(body) + 1)
    body[at:at] = ast.parse(statement).body


def denied_builtins(of: Dialect) -> list[str]:
    return sorted(name for name in of.remedies["builtin"] if not name.startswith("_"))


def denied_attributes(of: Dialect) -> list[str]:
    listed = [name for name in of.remedies["attribute"] if name not in of.attributes and name != "partial"]
    return sorted({*_DUNDERS, *_FRAMES, *listed})


def denied_members(of: Dialect) -> list[str]:
    return sorted(name for name in of.remedies["torch"] if name not in of.modules["torch"])


def _spoil_by_builtin(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    name = spell(chance.choice(denied_builtins(dialect())), chance)
    statement = chance.choice([f"{name}('x')", f"_ = [{name}]", f"_ = (lambda: {name})", f"_ = {{1: {name}}}"])
    _insert(places, statement, chance)
    return ast.unparse(tree), frozenset({"policy.builtin"})


def _spoil_by_machinery(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    name = spell(chance.choice(_MACHINERY), chance)
    forms = (
        "{} = 1",
        "_ = {}",
        "def {}():\n    pass",
        "_ = lambda {}: 1",
        "import math as {}",
        "(_ := [{} for {} in []])",
    )
    _insert(places, chance.choice(forms).replace("{}", name), chance)
    return ast.unparse(tree), frozenset({"policy.name"})


def _spoil_by_attribute(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    name = chance.choice(denied_attributes(dialect()))
    found = places.attributes()
    if found and chance.random() < 0.7:
        chance.choice(found).attr = name
    else:
        _insert(
            places, chance.choice([f"(0).{spell(name, chance)}", f"_ = [].{name}", f"getattr([], '{name}')"]), chance
        )
    return ast.unparse(tree), _MEMBER_OR_ATTRIBUTE


def _spoil_by_member(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    name = spell(chance.choice(denied_members(dialect())), chance)
    forms = (f"import torch as siege_t\nsiege_t.{name}", f"import torch as siege_t\n_ = siege_t.{name}.x.y")
    _insert(places, chance.choice(forms), chance)
    return ast.unparse(tree), frozenset({"policy.member"})


def _spoil_by_import(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    module = chance.choice(_MODULES)
    root = module.partition(".")[0]
    forms = [
        f"import {module}",
        f"import {module} as siege_m",
        f"from {module} import siege_m",
        f"import math, {module}",
    ]
    if root != "torch":
        forms += [f"import {spell(module, chance)}"]
    _insert(places, chance.choice(forms), chance)
    return ast.unparse(tree), frozenset({"policy.import"})


def _spoil_by_keyword(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    calls = places.calls()
    keyword = ast.keyword(chance.choice(sorted(dialect().refused_keywords)), ast.Name("siege_kept", ast.Load()))
    if calls:
        call = chance.choice(calls)
        call.keywords = [k for k in call.keywords if k.arg != keyword.arg] + [keyword]
    else:
        _insert(places, f"[].count(1, {spell(str(keyword.arg), chance)}=siege_kept)", chance)
    tree.body.append(ast.parse("siege_kept = 1").body[0])
    return ast.unparse(tree), frozenset({"policy.keyword"})


def _spoil_by_node(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    forms = ("class Siege:\n    pass", "async def siege():\n    pass", "match 1:\n    case 1:\n        pass",
             "try:\n    pass\nexcept* ValueError:\n    pass")  # fmt: skip
    _insert(places, chance.choice(forms), chance)
    return ast.unparse(tree), frozenset({"policy.node"})


def _spoil_by_attribute_write(tree: ast.Module, places: _Places, chance: Random) -> Spoiled:
    forms = ("[].x = 1", "del [].x", "[].x += 1", "for [].x in []:\n    pass", "(_, *[].x) = [1, 2]")
    _insert(places, chance.choice(forms), chance)
    return ast.unparse(tree), frozenset({"policy.attribute-write"})


_SPOILERS: Sequence[Callable[[ast.Module, _Places, Random], Spoiled]] = (
    _spoil_by_builtin,
    _spoil_by_machinery,
    _spoil_by_attribute,
    _spoil_by_member,
    _spoil_by_import,
    _spoil_by_keyword,
    _spoil_by_node,
    _spoil_by_attribute_write,
)


@cache
def _spellings() -> dict[str, tuple[list[str], list[str]]]:
    """Return, for each ASCII name character, other characters that Python reads as it: first in a name, and later."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for code in range(0x80, 0x30000):
        plain = unicodedata.normalize("NFKC", chr(code))
        if 0 < len(plain) <= 2 and plain.isascii() and f"a{plain}".isidentifier() and f"a{chr(code)}".isidentifier():
            first, later = found.setdefault(plain, ([], []))
            later.append(chr(code))
            if chr(code).isidentifier():
                first.append(chr(code))
    return found


def spell(name: str, chance: Random) -> str:
    """Return a name in compatibility characters that Python reads as the plain one; sometimes the plain one."""
    if chance.random() < 0.3:
        return name
    spelled, place = "", 0
    while place < len(name):
        length = 2 if name[place : place + 2] in _spellings() and chance.random() < 0.5 else 1
        plain = name[place : place + length]
        others = _spellings().get(plain, ([], []))[1 if place else 0]
        spelled += chance.choice(others) if others and chance.random() < 0.6 else plain
        place += length
    return spelled


def reshape(source: str, chance: Random) -> str:
    """Return a program that must be admitted where this one is, and compute the same bytes."""
    tree = ast.parse(source)
    for _ in range(chance.randrange(1, 4)):
        chance.choice((_rename, _reorder, _add))(tree, chance)
    return ast.unparse(tree)


def _rename(tree: ast.Module, chance: Random) -> None:
    """Give a local variable another name. Parameters and functions keep theirs: they may be passed by keyword."""
    stored: set[str] = set()
    fixed = set(dialect().builtins)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            stored.add(node.id)
        elif isinstance(node, ast.arg):
            fixed.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ExceptHandler):
            fixed.add(node.name or "")
        elif isinstance(node, ast.alias):
            fixed.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Global | ast.Nonlocal):
            fixed.update(node.names)
    movable = sorted(stored - fixed - {"_"})
    if movable:
        old, new = chance.choice(movable), f"{chance.choice('xyz')}_{chance.randrange(10**6)}"
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new


def _reorder(tree: ast.Module, chance: Random) -> None:
    """Swap two neighbouring functions whose definitions evaluate nothing."""
    pairs = [i for i in range(len(tree.body) - 1) if _is_inert(tree.body[i]) and _is_inert(tree.body[i + 1])]
    if pairs:
        place = chance.choice(pairs)
        tree.body[place : place + 2] = tree.body[place : place + 2][::-1]


def _is_inert(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return not node.args.defaults and not any(node.args.kw_defaults)


def _add(tree: ast.Module, chance: Random) -> None:
    forms = ("pass", "_siege = [i * 2 for i in range(3)]", "assert True", "if False:\n    raise ValueError('no')",
             "_siege = f'{1.5:.2f}'", "def siege_unused(a, *b, c=1, **d):\n    return a", "_siege = sorted('ba')",
             "try:\n    _siege = 1 / 1\nexcept ZeroDivisionError:\n    _siege = 0")  # fmt: skip
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    body = chance.choice([tree.body, *(function.body for function in functions)])
    docstring = isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    at = chance.randrange(1 if docstring else 0, len(body) + 1)
    late = [i + 1 for i, s in enumerate(body) if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
    at = max([at, *late])
    body[at:at] = ast.parse(chance.choice(forms)).body


def splice(source: str, others: Sequence[str], chance: Random) -> str:
    """Return a program into which pieces of others were put; it may be anything."""
    try:
        tree = ast.parse(source)
        donors = [ast.parse(other) for other in chance.sample(list(others), min(2, len(others)))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return chance.choice(list(others))
    for _ in range(chance.randrange(1, 5)):
        _graft(tree, chance.choice(donors), chance)
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except (ValueError, RecursionError, AttributeError, TypeError):
        return chance.choice(list(others))


def _graft(tree: ast.Module, donor: ast.Module, chance: Random) -> None:
    """Put one piece of a donor into a tree: a statement, an expression, a name, an attribute."""
    kind = chance.randrange(5)
    if kind == 0:
        statements = [node for node in ast.walk(donor) if isinstance(node, ast.stmt)]
        bodies = [body for node in ast.walk(tree) for body in _bodies(node)]
        if statements and bodies:
            body = chance.choice(bodies)
            body.insert(chance.randrange(len(body) + 1), deepcopy(chance.choice(statements)))
    elif kind in (1, 2):
        _replace_expression(tree, donor, chance)
    elif kind == 3:
        _take_field(tree, donor, ast.Attribute, "attr", chance)
    else:
        _take_field(tree, donor, ast.Name, "id", chance)


def _take_field(tree: ast.Module, donor: ast.Module, kind: type[ast.AST], field: str, chance: Random) -> None:
    targets, sources = ([node for node in ast.walk(each) if isinstance(node, kind)] for each in (tree, donor))
    if targets and sources:
        setattr(chance.choice(targets), field, getattr(chance.choice(sources), field))


def _replace_expression(tree: ast.Module, donor: ast.Module, chance: Random) -> None:
    pieces = [node for node in ast.walk(donor) if isinstance(node, ast.expr) and _is_loaded(node)]
    holders = [
        (node, field, index)
        for node in ast.walk(tree)
        for field, value in ast.iter_fields(node)
        for index, item in enumerate(value if isinstance(value, list) else [value])
        if isinstance(item, ast.expr) and _is_loaded(item) and not isinstance(node, ast.JoinedStr | ast.FormattedValue)
    ]
    if pieces and holders:
        node, field, index = chance.choice(holders)
        value, piece = getattr(node, field), deepcopy(chance.choice(pieces))  # shared nodes would make circles
        if isinstance(value, list):
            value[index] = piece
        else:
            setattr(node, field, piece)


def _is_loaded(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not isinstance(node, ast.Starred | ast.Slice)
