"""A program line by line: what each line may touch, what bounds it at run time, and what the checker found there.

The bounds are read off the rewritten tree, which is the one that runs: a guard that stands there is named, and
no other. Decides nothing; for people, who read programs with it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from policies import hints, limits
from policies.dialect import Dialect, dialect
from policies.findings import Finding
from policies.influence import branches
from policies.names import collect
from policies.profiles import STRICT
from policies.source import Parsed, SourceRefused, lines_of, parse
from policies.transformer import rewrite
from policies.uses import Use, uses

# What the guards that rewriting puts in do. Those without a text stand at every attribute, item and loop.
GUARDS: Mapping[str, str] = MappingProxyType(
    {
        "_getattr_": "",
        "_getitem_": "",
        "_getiter_": "",
        "__import__": "",  # not in programs: serves torch's own imports
        "_typename_": "",
        "_nameof_": "",
        "_import_": "a stand-in that holds the permitted members, never the module itself",
        "_write_": "items are set in containers and tensors alone; inputs are this call's copies",
        "_apply_": "a call with keywords: what is refused stays refused, unpacked or not",
        "_turn_": f"while: at most {limits.MAX_TURNS:,} turns in one call, within the deadline",
        "_inplacevar_": "in place, with the operator's bounds",
        "_mul_": f"*: integers to {limits.MAX_INT_BITS:,} bits, repeated sequences to {limits.MAX_REPEAT:,} elements",
        "_pow_": f"**: integers to {limits.MAX_INT_BITS:,} bits",
        "_lshift_": f"<<: integers to {limits.MAX_INT_BITS:,} bits",
        "_mod_": f"%: of text, fields to {limits.MAX_FORMAT_WIDTH:,} characters",
        "_format_": f"format: fields to {limits.MAX_FORMAT_WIDTH:,} characters",
        "_Exception_": "except: what ends the program passes",
    }
)
_BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "print": f"print: captured, at most {limits.MAX_PRINT_BYTES // 1024} KiB",
        "range": f"range: at most {limits.MAX_RANGE:,} steps",
        "round": f"round: at most {limits.MAX_ROUND_DIGITS:,} digits",
        "pow": f"pow: integers to {limits.MAX_INT_BITS:,} bits",
        "getattr": "getattr: through the guard of attributes",
        "hasattr": "hasattr: through the guard of attributes",
    }
)
_GROWING_IN_PLACE = frozenset({"*=", "**=", "<<=", "%="})
_RANDOM = "random: from the generator that is seeded for each parameter"
_SIZED = "size: as its arguments say, within the container's memory"
_FOR = "loop: a turn per item, within the deadline"
_LABELS = {"torch": "", "standard": "", "builtin": "", "tensor": ".", "value": "."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a program."""

    number: int  # from 1
    text: str
    uses: tuple[str, ...]  # `torch.stack`, `len`; with a leading dot what is a value's: `.mean`
    bounds: tuple[str, ...]  # at run time
    decides_by: tuple[str, ...]  # name, layer, shape: what a condition on the line depends on
    findings: tuple[Finding, ...]


def explain(source: str | bytes, findings: Sequence[Finding], profile: str = STRICT) -> tuple[Line, ...]:
    """Return every line with what is known of it; where the source cannot be parsed, with the findings alone.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    of_profile = dialect(profile)
    try:
        parsed = parse(source)
        text, notes = parsed.text, _notes(parsed, of_profile)
    except (SourceRefused, RecursionError, MemoryError):
        text = source if isinstance(source, str) else source.decode("utf-8", "replace")
        notes = _Notes()
    lines = lines_of(text.removeprefix("\ufeff"))
    last = len(lines) - (len(lines) > 1 and not lines[-1])  # an end of line at the end begins no line
    last = max([last, *(finding.line for finding in findings)])
    return tuple(_line(number, line, notes, findings) for number, line in enumerate(lines[:last], start=1))


class _Notes:
    """What was noted of each line, in order, each thing once."""

    def __init__(self) -> None:
        self.uses: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self.bounds: defaultdict[int, dict[str, None]] = defaultdict(dict)
        self.decides: defaultdict[int, dict[str, None]] = defaultdict(dict)


def _line(number: int, text: str, notes: _Notes, findings: Sequence[Finding]) -> Line:
    return Line(
        number=number,
        text=text,
        uses=tuple(notes.uses.get(number, ())),
        bounds=tuple(notes.bounds.get(number, ())),
        decides_by=tuple(notes.decides.get(number, ())),
        findings=tuple(finding for finding in findings if finding.line == number),
    )


def _notes(parsed: Parsed, of_profile: Dialect) -> _Notes:
    notes = _Notes()
    nodes, _ = hints.divide(parsed.nodes)
    names = collect(nodes, of_profile)
    for use in uses(parsed.tree, nodes, names, of_profile):
        _note_use(notes, use)
    for node in nodes:
        if isinstance(node, ast.For | ast.comprehension):
            place = node.target if isinstance(node, ast.comprehension) else node
            notes.bounds[place.lineno][_FOR] = None
    for test, sources in branches(parsed.tree, nodes, names, of_profile):
        notes.decides[test.lineno].update(dict.fromkeys(sorted(sources)))
    for number, bound in _guards(parsed.tree, of_profile):
        notes.bounds[number][bound] = None
    return notes


def _note_use(notes: _Notes, use: Use) -> None:
    number = use.node.end_lineno or use.node.lineno  # an attribute's name is at its end
    notes.uses[number][f"{_LABELS[use.kind]}{use.name}"] = None
    if use.kind == "builtin" and use.name in _BUILTINS:
        notes.bounds[number][_BUILTINS[use.name]] = None
    if use.random:
        notes.bounds[number][_RANDOM] = None
    if use.sized:
        notes.bounds[number][_SIZED] = None


def _guards(tree: ast.Module, of_profile: Dialect) -> Iterator[tuple[int, str]]:
    """Rewrite the tree, and yield (line, text) for each guard in it that has something to say."""
    for _ in rewrite(tree, of_profile.keywords):
        pass  # what the rewriting refuses is a finding already
    for node in ast.walk(tree):
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name):
            name = node.type.id
        if isinstance(node, ast.Call | ast.ExceptHandler) and GUARDS.get(name) and not _is_quiet(node, name):
            yield node.lineno, GUARDS[name]


def _is_quiet(node: ast.AST, guard: str) -> bool:
    """Say whether an operator in place cannot grow: its first argument is its symbol."""
    symbol = node.args[0] if guard == "_inplacevar_" and isinstance(node, ast.Call) else None
    return isinstance(symbol, ast.Constant) and symbol.value not in _GROWING_IN_PLACE
