"""From bytes to a syntax tree whose size is known to be bearable. Decides nothing about what the program does."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace

from policies.findings import Finding
from policies.limits import MAX_DEPTH, MAX_NODES, MAX_SOURCE_BYTES

FILENAME = "<program>"  # in tracebacks of the program
_BOM = "\ufeff"
_LINE_END = re.compile(r"\r\n|\r|\n")
# Marks that make a reviewer read another order than Python does (CVE-2021-42574).
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# The declaration that PEP 263 describes. Only UTF-8 is read, so another one would tell readers a lie.
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_UTF8 = frozenset({"utf-8", "utf8", "utf_8", "ascii", "us-ascii", "utf-8-sig"})


class SourceRefused(Exception):  # noqa: N818  (a finding on its way up, not an error of ours)
    """The source cannot be read as a program; holds the finding."""

    def __init__(self, rule: str, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.finding = Finding(rule=rule, line=line, column=column, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A program's tree, its nodes outermost first, and the digest of its normal form."""

    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]
    digest: str  # sha256; comments, layout, docstrings and main blocks do not count


def parse(source: str | bytes) -> Parsed:
    """Read a program.

    Raises:
        SourceRefused: not UTF-8, not Python, too large or too deep.
    """
    text = _text(source)
    tree = _tree(text)
    tree.body = [kept for statement in tree.body for kept in _without_main_block(statement)]
    nodes, digest = _walk(tree)
    return Parsed(text=text, tree=tree, nodes=nodes, digest=digest)


def lines_of(text: str) -> list[str]:
    """Split text into lines as Python counts them: form feeds and Unicode's separators end none."""
    return _LINE_END.split(text)


def in_characters(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """Give findings at the UTF-8 offsets of syntax nodes the columns that people and editors count: characters."""
    if text.isascii():
        return list(findings)
    lines = [line.encode("utf-8", "surrogatepass") for line in lines_of(text)]
    return [replace(finding, column=_character(lines, finding)) for finding in findings]


def _character(lines: list[bytes], finding: Finding) -> int:
    if not 1 <= finding.line <= len(lines):
        return finding.column
    return len(lines[finding.line - 1][: finding.column - 1].decode("utf-8", "ignore")) + 1


def _text(source: str | bytes) -> str:
    if len(source) > MAX_SOURCE_BYTES:
        raise SourceRefused(
            "syntax.size", f"source: expected at most {MAX_SOURCE_BYTES} bytes, found more; shorten the program"
        )
    try:
        raw = source.encode("utf-8") if isinstance(source, str) else source
        text = raw.decode("utf-8").removeprefix(_BOM)
    except UnicodeError:
        raise SourceRefused("syntax.encoding", "source: expected UTF-8 text; save the file as UTF-8") from None
    if len(raw) > MAX_SOURCE_BYTES:
        raise SourceRefused(
            "syntax.size", f"source: expected at most {MAX_SOURCE_BYTES} bytes, found {len(raw)}; shorten the program"
        )
    _refuse_misleading(text)
    return text


def _refuse_misleading(text: str) -> None:
    """Refuse text that editors or other tools would show or read as another program."""
    lines = lines_of(text)
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise SourceRefused("syntax.encoding", "source: found a null byte; remove it", number, line.index("\0") + 1)
        if mark := _DIRECTION_MARKS.search(line):
            message = f"source: found the direction mark U+{ord(mark.group()):04X}; remove it"
            raise SourceRefused("syntax.encoding", message, number, mark.start() + 1)
    for number, line in enumerate(lines[:2], start=1):
        cookie = _COOKIE.match(line)
        if cookie and cookie.group(1).lower() not in _UTF8:
            message = f"source: expected UTF-8, found a declaration of {cookie.group(1)}; remove it"
            raise SourceRefused("syntax.encoding", message, number)


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a program's odd escapes are not ours to report
            return ast.parse(text, FILENAME)
    except SyntaxError as error:
        message = f"not Python: {error.msg}; correct the syntax"
        raise SourceRefused("syntax.parse", message, error.lineno or 1, error.offset or 1) from None
    except (RecursionError, MemoryError):
        raise too_deep() from None
    except ValueError as error:
        raise SourceRefused("syntax.parse", f"not Python: {error}; correct the source") from None


def too_deep(line: int = 1) -> SourceRefused:
    """The finding for a program that is nested too deeply to be read."""
    message = f"expected at most {MAX_DEPTH} levels of nesting; use intermediate variables"
    return SourceRefused("syntax.nesting", message, line)


def _without_main_block(statement: ast.stmt) -> list[ast.stmt]:
    """Leave out `if __name__ == "__main__":`, which never holds here; keep what its `else` says."""
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare):
        test = statement.test
        sides = [test.left, *test.comparators]
        names = [side.id for side in sides if isinstance(side, ast.Name)]
        values = [side.value for side in sides if isinstance(side, ast.Constant)]
        if len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq) and names == ["__name__"] and values == ["__main__"]:
            return statement.orelse
    return [statement]


def _walk(tree: ast.Module) -> tuple[tuple[ast.AST, ...], str]:
    """Return all nodes outermost first, and the digest of the normal form; iterative, so that depth cannot hurt."""
    nodes: list[ast.AST] = []
    form: list[str] = []
    stack: list[tuple[ast.AST, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        nodes.append(node)
        if depth > MAX_DEPTH:
            raise too_deep(getattr(node, "lineno", 1))
        if len(nodes) > MAX_NODES:
            raise SourceRefused("syntax.size", f"expected at most {MAX_NODES} syntax nodes; shorten the program")
        depth += 1
        children = [(child, depth) for child in _describe(node, form)]
        children.reverse()
        stack += children
    return tuple(nodes), hashlib.sha256("\x1f".join(form).encode("utf-8", "surrogatepass")).hexdigest()


def _describe(node: ast.AST, form: list[str]) -> list[ast.AST]:
    """Append a node's normal form without its children, and return these. Contexts follow from the place: left out."""
    children: list[ast.AST] = []
    form.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            if not isinstance(value, ast.expr_context):
                children.append(value)
        elif type(value) is list:
            _describe_list(field, value, form, children)
        elif type(value) is int:
            form.append(f"{field}={value:x}")  # decimal text of large integers is slow, and refused by Python
        else:
            form.append(f"{field}={value!r}")
    return children


def _describe_list(field: str, items: list[object], form: list[str], children: list[ast.AST]) -> None:
    if field == "body":
        items = [item for item in items if not _is_docstring(item)]
    form.append(f"{field}*{len(items)}")
    for item in items:
        if isinstance(item, ast.AST):
            children.append(item)
        else:
            form.append(repr(item))


def _is_docstring(node: object) -> bool:
    """A bare constant does nothing: it is neither walked nor part of the form."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
