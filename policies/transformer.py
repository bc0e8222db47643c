"""Rewrites an admitted program so that every attribute, item, write and growing operator goes through a guard.

RestrictedPython does the rewriting; this subclass widens it where ordinary programs need it (annotations,
`x[i] += y`, names with a leading underscore, nonlocal) and narrows it where it trusts (imports, growing
operators, bare except). It reports what it refuses; the static rules have usually said it better before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, TypeVar

from RestrictedPython import RestrictingNodeTransformer
from RestrictedPython.transformer import INSPECT_ATTRIBUTES, IOPERATOR_TO_STR

from policies.findings import Finding

# Operators that can make much from little, and the guards that bound them.
_GROWING: dict[type[ast.operator], str] = {
    ast.Mult: "_mul_",
    ast.Pow: "_pow_",
    ast.LShift: "_lshift_",
    ast.Mod: "_mod_",
}


_DESCRIPTIVE = frozenset({"__all__", "__author__", "__version__"})
_T = TypeVar("_T", bound=ast.AST)


def is_reserved(name: str) -> bool:
    """Say whether a name belongs to the machinery: `_x_` to the guards, `__x__` to Python.

    A program that could bind one of them would replace a guard. Names that merely describe a module are free.
    """
    return name not in _DESCRIPTIVE and name.startswith("_") and name.endswith("_") and name.strip("_") != ""


def is_type_name(node: ast.Attribute) -> bool:
    """Say whether a node is `type(x).__name__`, read."""
    call = node.value
    return (
        node.attr == "__name__"
        and isinstance(node.ctx, ast.Load)
        and isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "type"
        and len(call.args) == 1
        and not isinstance(call.args[0], ast.Starred)
        and not call.keywords
    )


def is_class_name(node: ast.Attribute) -> bool:
    """Say whether a node is `x.__class__.__name__`, read."""
    inner = node.value
    return (
        node.attr == "__name__"
        and isinstance(node.ctx, ast.Load)
        and isinstance(inner, ast.Attribute)
        and inner.attr == "__class__"
    )


def is_function_name(node: ast.Attribute) -> bool:
    """Say whether a node is `f.__name__`, read."""
    return node.attr == "__name__" and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name)


class DialectTransformer(RestrictingNodeTransformer):  # type: ignore[misc]
    """Rewrites one tree in place; `findings` holds what it refused."""

    def __init__(self, keywords: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.findings: list[Finding] = []
        self._keywords = keywords

    def error(self, node: ast.AST, info: str) -> None:
        """Collect a refusal of RestrictedPython's as a finding."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        message = f"{info} Write it another way."
        self.findings.append(Finding(rule="policy.rewrite", line=line, column=column, message=message))

    def gen_tmp_name(self) -> str:
        """Return a name that no program can spell, so that leading underscores stay free for programs."""
        self._tmp_idx += 1
        return f"<{self._tmp_idx}>"

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        """Leave `print` an ordinary name: the guarded builtin captures the text. `__name__` may be read."""
        if not (node.id == "__name__" and isinstance(node.ctx, ast.Load)):
            self.check_name(node, node.id)
        return node

    def check_name(self, node: Any, name: str | None, allow_magic_methods: bool = False) -> None:
        """Refuse the machinery's names only; RestrictedPython refuses every leading underscore."""
        if name is not None and is_reserved(name):
            self.error(node, f"name {name}: reserved for the machinery.")

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:  # noqa: N802
        """Drop annotations: they are judged as text and never evaluated."""
        node.returns = None
        return super().visit_FunctionDef(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """Drop the annotation."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:  # noqa: N802
        """`x: T = v` is `x = v`; `x: T` does nothing."""
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return self.visit_Assign(ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node))

    def visit_Assign(self, node: ast.Assign) -> Any:  # noqa: N802
        """Let Python unpack: nothing a program can hold is dangerous to iterate over.

        RestrictedPython evaluates the value once for each target, which changes what `x = (a, b) = f()` does.
        """
        return self.node_contents_visit(node)

    def guard_iter(self, node: Any) -> Any:
        """Guard what is iterated over, and let Python unpack."""
        node = self.node_contents_visit(node)
        node.iter = _call(node.iter, "_getiter_", node.iter)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:  # noqa: N802
        """`x[i] += y`: evaluate x and i once, in Python's order, then read, operate and write through guards."""
        if not isinstance(node.target, ast.Subscript):
            return super().visit_AugAssign(node)
        holder, key = self.gen_tmp_name(), self.gen_tmp_name()
        value = self.visit(node.value)
        item = _call(node, "_getitem_", _name(node, holder), _name(node, key))
        changed = _call(node, "_inplacevar_", _constant(node, IOPERATOR_TO_STR[type(node.op)]), item, value)
        place = ast.Subscript(
            value=_call(node, "_write_", _name(node, holder)), slice=_name(node, key), ctx=ast.Store()
        )
        temporary = [_name(node, holder, ast.Del), _name(node, key, ast.Del)]
        return [
            _assign(node, _name(node, holder, ast.Store), self.visit(node.target.value)),
            _assign(node, _name(node, key, ast.Store), self.visit(node.target.slice)),
            _assign(node, _placed(place, node), changed),
            _placed(ast.Delete(targets=list(temporary)), node),
        ]

    def visit_Call(self, node: ast.Call) -> Any:  # noqa: N802
        """Send calls with arguments that not every function may take through `_apply_`, as those with stars."""
        special = any(keyword.arg is not None and keyword.arg not in self._keywords for keyword in node.keywords)
        node = super().visit_Call(node)
        if special and not (isinstance(node.func, ast.Name) and node.func.id == "_apply_"):
            node.args.insert(0, node.func)
            node.func = _name(node, "_apply_")
        return node

    def visit_While(self, node: ast.While) -> ast.AST:  # noqa: N802
        """Count the turns: `while x` is `while _turn_() and x`."""
        node = self.node_contents_visit(node)
        node.test = _placed(ast.BoolOp(ast.And(), [_call(node.test, "_turn_"), node.test]), node.test)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:  # noqa: N802
        """Send operators that grow through a guard, except where a float literal makes them harmless."""
        guard = _GROWING.get(type(node.op))
        harmless = any(isinstance(side, ast.Constant) and type(side.value) is float for side in (node.left, node.right))
        node = self.node_contents_visit(node)
        if guard is None or (harmless and not isinstance(node.op, ast.Mod)):
            return node
        return _call(node, guard, node.left, node.right)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> Any:  # noqa: N802
        """Send values with a computed format specification through the guard that bounds its width."""
        node = self.node_contents_visit(node)
        specification = node.format_spec
        if not isinstance(specification, ast.JoinedStr) or all(
            isinstance(p, ast.Constant) for p in specification.values
        ):
            return node
        node.value = _call(node, "_format_", node.value, _constant(node, node.conversion), specification)
        node.conversion, node.format_spec = -1, None
        return node

    def visit_Import(self, node: ast.Import) -> Any:  # noqa: N802
        """`import a.b as c` is `c = _import_("a.b")`: Python's own import machinery is never reached."""
        steps = []
        for alias in node.names:
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self.check_name(node, alias.asname or module)
            found = _call(node, "_import_", _constant(node, module))
            steps.append(_assign(node, _name(node, alias.asname or module, ast.Store), found))
        return steps

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:  # noqa: N802
        """`from a import b as c` is `c = _import_("a", "b")`; `from __future__` has no effect on what is left."""
        if node.module == "__future__":
            return _placed(ast.Pass(), node)
        steps = []
        for alias in node.names:
            self.check_name(node, alias.asname or alias.name)
            found = _call(node, "_import_", _constant(node, node.module), _constant(node, alias.name))
            steps.append(_assign(node, _name(node, alias.asname or alias.name, ast.Store), found))
        return steps

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:  # noqa: N802
        """A bare `except` catches what `except Exception` does, so that a violation ends the program."""
        if node.type is None:
            node.type = _name(node, "Exception")
            handler = super().visit_ExceptHandler(node)
            handler.type.id = "_Exception_"
            return handler
        return super().visit_ExceptHandler(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:  # noqa: N802
        """Permit nonlocal: it can only name what an enclosing function binds, and those names are checked."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:  # noqa: N802
        """Permit global with names that are checked: it reaches the program's own namespace and no other."""
        for name in node.names:
            self.check_name(node, name)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:  # noqa: N802
        """`type(x).__name__`, `x.__class__.__name__` and `f.__name__` are text; the class is never handed out."""
        if is_type_name(node):
            return _call(node, "_typename_", self.visit(node.value.args[0]))  # type: ignore[attr-defined]
        if is_class_name(node):
            return _call(node, "_typename_", self.visit(node.value.value))  # type: ignore[attr-defined]
        if is_function_name(node):
            return _call(node, "_nameof_", self.visit(node.value))
        if isinstance(node.ctx, ast.Load) and not (node.attr.startswith("_") or node.attr in INSPECT_ATTRIBUTES):
            # As RestrictedPython does it, without placing the whole expression anew at each of its dots.
            return _call(node, "_getattr_", self.visit(node.value), _constant(node, node.attr))
        return super().visit_Attribute(node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:  # noqa: N802
        """`x[i]` read is `_getitem_(x, i)`, as RestrictedPython does it; see `visit_Attribute`."""
        if isinstance(node.ctx, ast.Load):
            return _call(node, "_getitem_", self.visit(node.value), self.visit(node.slice))
        return super().visit_Subscript(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:  # noqa: N802
        """Refuse classes: their methods would be called where no guard sees it."""
        self.not_allowed(node)

    def inject_print_collector(self, node: Any, position: int = 0) -> None:
        """Inject nothing: `print` is a guarded builtin."""


def rewrite(tree: ast.Module, keywords: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Rewrite a tree in place and yield what was refused. `keywords` may be passed to anything."""
    transformer = DialectTransformer(keywords)
    transformer.visit(tree)
    yield from transformer.findings


def _name(where: ast.AST, name: str, context: type[ast.expr_context] = ast.Load) -> ast.Name:
    return _placed(ast.Name(name, context()), where)


def _constant(where: ast.AST, value: str | int | None) -> ast.Constant:
    return _placed(ast.Constant(value), where)


def _call(where: ast.AST, guard: str, *arguments: ast.expr) -> ast.Call:
    return _placed(ast.Call(func=_name(where, guard), args=list(arguments), keywords=[]), where)


def _assign(where: ast.AST, target: ast.expr, value: ast.expr) -> ast.Assign:
    return _placed(ast.Assign(targets=[target], value=value), where)


def _placed(node: _T, where: ast.AST) -> _T:
    """Give a new node the place of the one that it stands for."""
    return ast.copy_location(node, where)
