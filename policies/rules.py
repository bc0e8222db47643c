"""The static rules: one function per kind of syntax node, each yielding (rule, message) for what it refuses.

They see the program as it was written, before any rewriting. What cannot be told from the text, the guards
tell from the values (`guards.py`).
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policies import bounds
from policies.dialect import BOUNDED_TEXT, CONTEXTS, DECORATORS, TENSOR_TYPES, Dialect
from policies.names import Member, Names
from policies.reasons import TENSOR, why_denied
from policies.transformer import is_class_name, is_function_name, is_reserved, is_type_name

Problem = tuple[str, str]
ANY_KEYWORDS = frozenset({"dict", "OrderedDict", "Counter", "defaultdict", "format", "update"})
# A format field that reaches for an attribute or item with a leading underscore; in no harmless text.
_PRIVATE_FIELD = re.compile(r"\{[^{}]*[.\[]\s*_")
# What may end an endless loop: leaving it, or an exception from what is called or read.
_STAND_INS = frozenset({"typing", "collections.abc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a rule may ask: the dialect, the program's names, and the nearest permitted name for a refused one."""

    dialect: Dialect
    names: Names
    nearest: Callable[[str, frozenset[str]], str]

    def resolve(self, node: ast.expr) -> Member | None:
        return self.names.resolve(node, self.dialect)

    def remedy(self, family: str, name: str, choices: frozenset[str] = frozenset()) -> str:
        """Return what to write instead: from the data, or the nearest permitted name."""
        return self.dialect.remedies[family].get(name) or self.nearest(name, choices) or "leave it out"


def problems(node: ast.AST, scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with one node, its children left aside."""
    kind = type(node).__name__
    if kind not in scope.dialect.nodes:
        yield "policy.node", f"{kind}: not part of the dialect; {scope.remedy('node', kind)}"
        return
    rule = _RULES.get(type(node))
    if rule is not None:
        yield from rule(node, scope)


def _name(node: ast.Name, scope: Scope) -> Iterator[Problem]:
    name = node.id
    if name == "__name__" and isinstance(node.ctx, ast.Load):
        return
    if is_reserved(name):
        yield "policy.name", f"name {name}: reserved for the machinery; choose a name that does not end with _"
    elif isinstance(node.ctx, ast.Load) and name not in scope.names.bound and name not in scope.dialect.builtins:
        if name in scope.dialect.remedies["builtin"]:
            yield "policy.builtin", f"builtin {name}: not permitted; {scope.remedy('builtin', name)}"
        else:
            yield (
                "policy.unknown-name",
                f"name {name}: neither defined here nor a permitted builtin; define or import it",
            )


def _binding(name: str | None) -> Iterator[Problem]:
    if name and is_reserved(name):
        yield "policy.name", f"name {name}: reserved for the machinery; choose a name that does not end with _"


def _function(node: ast.FunctionDef, scope: Scope) -> Iterator[Problem]:
    yield from _binding(node.name)
    for decorator in node.decorator_list:
        if not (_is_one_of(DECORATORS, decorator, scope) or _is_own(decorator, scope)):
            yield "policy.context", "decorator: expected @torch.no_grad() or a function defined here; call it instead"


def _is_own(node: ast.expr, scope: Scope) -> bool:
    """Say whether a decorator is a name that the program bound: it is then no more than a call of that value."""
    callee = node.func if isinstance(node, ast.Call) else node
    return isinstance(callee, ast.Name) and callee.id in scope.names.own


def _is_one_of(members: frozenset[tuple[str, str]], node: ast.expr, scope: Scope) -> bool:
    """Say whether a node is torch.no_grad or its like, under a name that is not also a builtin's.

    An import that never runs would leave the builtin: `with next(...)` enters whatever there is to enter.
    """
    callee = node.func if isinstance(node, ast.Call) else node
    if isinstance(callee, ast.Name) and callee.id in scope.dialect.builtins:
        return False
    found = scope.resolve(callee)
    return found is not None and (found.module, found.name) in members


def _with(node: ast.With, scope: Scope) -> Iterator[Problem]:
    for item in node.items:
        if not (isinstance(item.context_expr, ast.Call) and _is_one_of(CONTEXTS, item.context_expr, scope)):
            yield (
                "policy.context",
                "with: expected torch.no_grad() or torch.inference_mode(); write it without the block",
            )


def _attribute(node: ast.Attribute, scope: Scope) -> Iterator[Problem]:
    if not isinstance(node.ctx, ast.Load):
        yield (
            "policy.attribute-write",
            f"attribute {node.attr}: cannot be set or deleted; keep values in names or a dict",
        )
        return
    if not _is_name_of_something(node, scope):
        yield from _attribute_of(node.value, node.attr, scope)


def _is_name_of_something(node: ast.Attribute, scope: Scope) -> bool:
    """`type(x).__name__`, `x.__class__.__name__` and `f.__name__` of a value of the program's own: text."""
    if is_type_name(node):
        return "type" not in scope.names.bound
    if is_function_name(node) and isinstance(node.value, ast.Name):
        return node.value.id in scope.names.own
    return is_class_name(node) or id(node) in scope.names.asked_for_name


def _attribute_of(value: ast.expr, name: str, scope: Scope) -> Iterator[Problem]:
    if name.startswith("_"):
        yield "policy.attribute", f"attribute {name}: names with a leading underscore are not reachable; leave it out"
        return
    base = scope.resolve(value)
    if base is None:
        yield from _attribute_of_value(value, name, scope)
    elif base.name:
        yield from _attribute_of_member(base, name, scope)
    elif base.module in scope.dialect.modules and name not in scope.dialect.modules[base.module]:
        yield _no_member(base.module, name, scope)


def _attribute_of_value(value: ast.expr, name: str, scope: Scope) -> Iterator[Problem]:
    permitted = scope.dialect.attributes
    if isinstance(value, ast.Name) and value.id in scope.names.ambiguous:
        permitted = permitted.union(*scope.dialect.modules.values())
    if isinstance(value, ast.Name) and value.id == "str" and value.id not in scope.names.bound:
        permitted = permitted - BOUNDED_TEXT  # as functions of a class they would escape their bounds
    if name not in permitted:
        remedy = scope.remedy("attribute", name, permitted)
        yield "policy.attribute", f"attribute {name}: not permitted{_why(TENSOR, name, of='tensors: ')}; {remedy}"


def _attribute_of_member(base: Member, name: str, scope: Scope) -> Iterator[Problem]:
    """`torch.float32.itemsize`, `torch.Tensor.mean`, `chain.from_iterable`: by what the member is."""
    permitted = scope.dialect.types["Tensor"] if base.name in TENSOR_TYPES else scope.dialect.attributes
    owner, remedy = f"{base.module}.{base.name}", scope.remedy("attribute", name)
    if (base.module, base.name) == ("collections", "Counter"):
        yield "policy.attribute", f"attribute {name} of Counter: its methods must be taken from a value"
    elif name not in permitted or base.module in _STAND_INS:
        yield "policy.attribute", f"attribute {name} of {owner}: not permitted{_why(owner, name)}; {remedy}"


def _no_member(module: str, name: str, scope: Scope) -> Problem:
    family = "torch" if module.startswith("torch") else "attribute"
    remedy = scope.remedy(family, name, scope.dialect.modules[module])
    return "policy.member", f"{module}.{name}: not permitted{_why(module, name)}; {remedy}"


def _why(namespace: str, name: str, of: str = "") -> str:
    """Return the table's reason in brackets, or nothing. The table is read for the first finding that asks."""
    found = why_denied(namespace, name)
    return f" ({of}{found})" if found else ""


def _import(node: ast.Import, scope: Scope) -> Iterator[Problem]:
    for alias in node.names:
        yield from _binding(alias.asname)
        if alias.name not in scope.dialect.modules:
            yield _no_module(alias.name, scope)


def _import_from(node: ast.ImportFrom, scope: Scope) -> Iterator[Problem]:
    module = node.module or ""
    if node.level or (module not in scope.dialect.modules and module != "__future__"):
        yield _no_module("." * node.level + module, scope)
        return
    members = frozenset({"annotations"}) if module == "__future__" else scope.dialect.modules[module]
    for alias in node.names:
        yield from _binding(alias.asname)
        if alias.name == "*":
            yield "policy.import", f"from {module} import *: names must be written out; import {module} instead"
        elif alias.name not in members:
            family = "torch" if module.startswith("torch") else "attribute"
            remedy = scope.remedy(family, alias.name, members)
            yield "policy.import", f"{module}.{alias.name}: not permitted{_why(module, alias.name)}; {remedy}"


def _no_module(name: str, scope: Scope) -> Problem:
    known = scope.dialect.remedies["module"]
    remedy = (
        known.get(name) or known.get(name.partition(".")[0]) or "use torch, torch.nn.functional, torch.linalg or math"
    )
    module, _, member = name.rpartition(".")
    return "policy.import", f"import {name}: not permitted{_why(module, member)}; {remedy}"


def _call(node: ast.Call, scope: Scope) -> Iterator[Problem]:
    yield from bounds.call_problems(node)
    yield from bounds.size_problems(node)
    yield from _template(node, scope)
    yield from _constructor(node, scope)
    if isinstance(node.func, ast.Name) and node.func.id == "type" and "type" not in scope.names.bound:
        yield from _type_call(node)
    if isinstance(node.func, ast.Name) and node.func.id in {"getattr", "hasattr"} - scope.names.bound:
        yield from _getattr_call(node, scope)
    if isinstance(node.func, ast.Name) and node.func.id == "iter" and "iter" not in scope.names.bound:
        yield from _iter_call(node)
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield from _keyword(keyword.arg, keyword.value, node.func, scope)


def _getattr_call(node: ast.Call, scope: Scope) -> Iterator[Problem]:
    name = node.args[1] if len(node.args) > 1 else None
    plain = len(node.args) > 1 and not isinstance(node.args[0], ast.Starred)
    if plain and isinstance(name, ast.Constant) and type(name.value) is str and name.value.isidentifier():
        yield from _attribute_of(node.args[0], name.value, scope)
    else:
        yield "policy.builtin", "getattr, hasattr: expected the attribute's name written out; write value.name"


def _type_call(node: ast.Call) -> Iterator[Problem]:
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        yield "policy.builtin", "type: expected one value; classes cannot be made; write functions"


def _iter_call(node: ast.Call) -> Iterator[Problem]:
    if len(node.args) != 1 or isinstance(node.args[0], ast.Starred):
        yield "policy.work", "iter: expected one iterable: with a sentinel it need not end; write a loop"


def _constructor(node: ast.Call, scope: Scope) -> Iterator[Problem]:
    found = scope.resolve(node.func)
    if found is None or found.module != "torch" or found.name not in TENSOR_TYPES:
        return
    sizes = [arg for arg in node.args if isinstance(arg, ast.Constant | ast.UnaryOp | ast.BinOp)]
    if sizes or len(node.args) > 1:
        message = f"torch.{found.name}(sizes): would hold uninitialised memory; use torch.zeros or torch.tensor"
        yield "policy.constructor", message


def _keyword(name: str, value: ast.expr, callee: ast.expr, scope: Scope) -> Iterator[Problem]:
    own = scope.names.functions.get(callee.id) if isinstance(callee, ast.Name) else None
    if own is not None and _takes(own.args, name):
        return
    if name in scope.dialect.refused_keywords:
        if not (isinstance(value, ast.Constant) and not value.value):
            yield "policy.keyword", f"argument {name}=: not permitted; {scope.dialect.refused_keywords[name]}"
    elif not (name in scope.dialect.keywords or _may_be_own(callee, name, scope) or _takes_any(callee, scope)):
        remedy = scope.nearest(name, scope.dialect.keywords) or "leave it out"
        yield "policy.keyword", f"argument {name}=: not permitted; {remedy}"


def _may_be_own(callee: ast.expr, name: str, scope: Scope) -> bool:
    """Say whether a callee may be the program's own function with such a parameter, under another name."""
    return name in scope.names.parameters and not isinstance(callee, ast.Attribute) and scope.resolve(callee) is None


def _takes(arguments: ast.arguments, name: str) -> bool:
    named = any(argument.arg == name for argument in [*arguments.args, *arguments.kwonlyargs])
    return named or arguments.kwarg is not None


def _takes_any(callee: ast.expr, scope: Scope) -> bool:
    """Say whether keyword arguments are data for a callee, or it may be the program's own with **kwargs."""
    if isinstance(callee, ast.Attribute):
        return callee.attr in ANY_KEYWORDS
    if isinstance(callee, ast.Name) and callee.id not in scope.names.own:
        return callee.id in ANY_KEYWORDS
    return scope.names.takes_any_keyword  # judged again at run time, by what the callee is (`calling.py`)


def _lone_getattr(nodes: list[ast.AST]) -> Iterator[ast.Name]:
    """Yield uses of getattr and hasattr as values: a callee is a use with a name beside it, a value is not."""
    callees = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in {"getattr", "hasattr"} and id(node) not in callees:
            yield node


def lone_getattr(nodes: list[ast.AST], scope: Scope) -> Iterator[tuple[ast.AST, str, str]]:
    """Yield findings for getattr and hasattr that are handed on instead of called."""
    for node in _lone_getattr(nodes):
        if node.id not in scope.names.bound:
            yield node, "policy.builtin", f"{node.id}: may only be called, with the name written out; use a lambda"


def _try(node: ast.Try, scope: Scope) -> Iterator[Problem]:
    if _leaves(node.finalbody):
        message = "finally: return, break and continue here would swallow what ends the program; move them after it"
        yield "policy.finally", message


def _leaves(body: list[ast.stmt]) -> bool:
    """Say whether a finally block can leave itself: `return` anywhere, `break` and `continue` outside its loops."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in body]
    while stack:
        node, in_loop = stack.pop()
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break | ast.Continue) and not in_loop):
            return True
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            inner = in_loop or isinstance(node, ast.For | ast.While)
            stack.extend((child, inner) for child in ast.iter_child_nodes(node))
    return False


def _constant(node: ast.Constant, scope: Scope) -> Iterator[Problem]:
    if isinstance(node.value, bytes):
        yield "policy.literal", "bytes literal: not permitted; use text or a list of integers"
    elif isinstance(node.value, str):
        yield from _text(node.value)
    elif isinstance(node.value, int) and node.value.bit_length() > bounds.MAX_LITERAL_BITS:
        yield "policy.literal", f"integer literal: expected at most {bounds.MAX_LITERAL_BITS} bits; use a float"


def _text(text: str) -> Iterator[Problem]:
    if _PRIVATE_FIELD.search(text):
        yield "policy.format", "format field: names an attribute with an underscore; use an f-string of plain values"


def _template(node: ast.Call, scope: Scope) -> Iterator[Problem]:
    """`"{0.x}".format(...)`: fields of a template that stands beside its call."""
    callee = node.func
    if not (isinstance(callee, ast.Attribute) and callee.attr == "format" and isinstance(callee.value, ast.Constant)):
        return
    try:
        fields = [field or "" for _, field, _, _ in string.Formatter().parse(str(callee.value.value))]
    except ValueError:
        return  # a malformed template: the program's own error, at run time
    if any("." in field or "[" in field for field in fields):
        yield "policy.format", "format field: no attributes or items; use an f-string"


def _formatted(node: ast.FormattedValue, scope: Scope) -> Iterator[Problem]:
    if isinstance(node.format_spec, ast.JoinedStr):
        text = "".join(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
        yield from bounds.width_problems(re.findall(r"\d+", text))


def _nonlocal(node: ast.Nonlocal | ast.Global, scope: Scope) -> Iterator[Problem]:
    for name in node.names:
        yield from _binding(name)


def _ann_assign(node: ast.AnnAssign, scope: Scope) -> Iterator[Problem]:
    if not isinstance(node.target, ast.Name):
        yield "policy.node", "annotated assignment: expected a plain name; leave the annotation out"


_RULES: Mapping[type[ast.AST], Callable[[Any, Scope], Iterator[Problem]]] = {
    ast.Name: _name,
    ast.arg: lambda node, scope: _binding(node.arg),
    ast.keyword: lambda node, scope: _binding(node.arg),
    ast.ExceptHandler: lambda node, scope: _binding(node.name),
    ast.FunctionDef: _function,
    ast.With: _with,
    ast.Attribute: _attribute,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Call: _call,
    ast.BinOp: lambda node, scope: bounds.operation_problems(node),
    ast.Try: _try,
    ast.Constant: _constant,
    ast.FormattedValue: _formatted,
    ast.Nonlocal: _nonlocal,
    ast.Global: _nonlocal,
    ast.AnnAssign: _ann_assign,
}
