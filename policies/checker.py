"""Decides whether a program is within the dialect, from its text alone: nothing is executed, torch is not imported.

The steps: read and parse (`source.py`), find what names stand for (`names.py`), apply the rules to every node
(`rules.py`), check the contract (`contract.py`), rewrite under guards (`transformer.py`), compile. `admit` hands
the compiled program on, so that what runs is the object that was checked.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import CodeType
from typing import Literal

from policies import contract, hints, rules
from policies.dialect import Dialect, dialect
from policies.findings import Finding
from policies.limits import MAX_FINDINGS, MAX_LENGTH_APART, MAX_SUGGESTIONS
from policies.names import collect
from policies.profiles import STRICT
from policies.source import FILENAME, Parsed, SourceRefused, in_characters, parse, too_deep
from policies.transformer import rewrite

Verdict = Literal["admitted", "refused"]
_DIGESTED = (".py", ".toml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The verdict on one program. `ast_digest` is empty where there is no tree."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    ast_digest: str  # sha256 of the syntax tree, without comments, layout, docstrings and main blocks
    policy_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """An admitted program, rewritten under guards and compiled; `extras` are what merge_models asks for."""

    code: CodeType
    extras: tuple[str, ...]


def check(source: str | bytes, profile: str = STRICT) -> CheckResult:
    """Say whether a program is within the dialect, and if not, why. Executes nothing.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    return examine(source, profile)[0]


def examine(source: str | bytes, profile: str = STRICT) -> tuple[CheckResult, Compiled | None]:
    """Check a program and return it compiled where it is admitted.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    rules_of_profile = dialect(profile)
    digest = ""
    try:
        parsed = parse(source)
        digest = parsed.digest
        findings = tuple(in_characters(parsed.text, _findings(parsed, rules_of_profile)))
        compiled = None if findings else _compile(parsed)
    except SourceRefused as refusal:
        findings, compiled = (refusal.finding,), None
    except (RecursionError, MemoryError):
        findings, compiled = (too_deep().finding,), None
    verdict: Verdict = "refused" if findings else "admitted"
    return CheckResult(
        verdict=verdict, findings=findings, ast_digest=digest, policy_digest=policy_digest(profile)
    ), compiled


@cache
def policy_digest(profile: str = STRICT) -> str:
    """Return the sha256 (hex) over the profile's name and every file of code and data in this package."""
    digest = hashlib.sha256(profile.encode())
    root = resources.files("policies")
    for name in sorted(_files(root)):
        content = root.joinpath(name).read_bytes()
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(root: resources.abc.Traversable, prefix: str = "") -> Iterator[str]:
    for entry in root.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_DIGESTED):
            yield prefix + entry.name


def _findings(parsed: Parsed, of_profile: Dialect) -> list[Finding]:
    """Apply the static rules, then the rewriting where they are content; at most MAX_FINDINGS, in source order."""
    found: dict[tuple[int, int, str, str], Finding] = {}
    for finding in _static(parsed, of_profile):
        found.setdefault((finding.line, finding.column, finding.rule, finding.message), finding)
        if len(found) >= MAX_FINDINGS:
            break
    if not found:
        return list(rewrite(parsed.tree, of_profile.keywords))[:MAX_FINDINGS]
    return [found[key] for key in sorted(found)]


def _static(parsed: Parsed, of_profile: Dialect) -> Iterator[Finding]:
    nodes, texts = hints.divide(parsed.nodes)
    scope = rules.Scope(dialect=of_profile, names=collect(nodes, of_profile), nearest=_Nearest())
    for node in nodes:
        for rule, message in rules.problems(node, scope):
            yield _finding(node, rule, message)
    for node, rule, message in rules.lone_getattr(nodes, scope):
        yield _finding(node, rule, message)
    for node, rule, message in hints.problems(texts):
        yield _finding(node, rule, message)
    for node, rule, message in contract.problems(parsed.tree):
        yield _finding(node, rule, message)


def _finding(node: ast.AST, rule: str, message: str) -> Finding:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
    return Finding(rule=rule, line=line, column=column, message=message)


class _Nearest:
    """Names the permitted name that is most like a refused one, for the first few findings of a program."""

    def __init__(self) -> None:
        self._left = MAX_SUGGESTIONS

    def __call__(self, name: str, choices: frozenset[str]) -> str:
        if self._left <= 0 or not choices:
            return ""
        self._left -= 1
        near = difflib.get_close_matches(name[:64], _comparable(name[:64], choices), n=1)
        return f"did you mean {near[0]}?" if near else ""


def _comparable(name: str, choices: frozenset[str]) -> list[str]:
    """Return those worth comparing closely, which is slow: about as long, with the same first or last letter."""
    return sorted(
        choice
        for choice in choices
        if abs(len(choice) - len(name)) <= MAX_LENGTH_APART and (choice[:1] == name[:1] or choice[-1:] == name[-1:])
    )


def _compile(parsed: Parsed) -> Compiled:
    extras = contract.extras(parsed.tree)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `x is 1` and the like are the program's own affair
            code = compile(parsed.tree, FILENAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"not Python: {error.msg}; correct the syntax"
        refused = SourceRefused("syntax.parse", message, error.lineno or 1, error.offset or 1)
        (refused.finding,) = in_characters(parsed.text, [refused.finding])  # at a node, unlike the parser's own
        raise refused from None
    except ValueError as error:
        raise SourceRefused("syntax.parse", f"not Python: {error}; correct the source") from None
    return Compiled(code=code, extras=extras)
