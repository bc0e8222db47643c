"""Shows rules and names as text or as JSON values: `assay policy list` and `show`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from policies.lookup import Named
from policies.reports.escape import printable
from policies.rulebook import Rule

_WIDTH = 100  # characters of a line of prose


def list_text(rules: Iterable[Rule]) -> Iterator[str]:
    """Yield one line per rule, by family."""
    rules = list(rules)
    width = max((len(rule.id) for rule in rules), default=0)
    for family, members in groupby(rules, key=lambda rule: rule.family):
        yield f"{family}:"
        for rule in members:
            yield f"  {rule.id:{width}}  {rule.what}"


def list_json(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return what `list_text` says."""
    return [{"id": rule.id, "family": rule.family, "what": rule.what} for rule in rules]


def rule_text(rule: Rule) -> Iterator[str]:
    """Yield what a rule demands, why, what it refuses and what to write instead."""
    yield f"{rule.id}: {rule.what}"
    yield ""
    yield from textwrap.wrap(rule.why, _WIDTH)
    if rule.refused:
        yield ""
        yield f"Refused{f' (repeated {rule.times} times)' * (rule.times > 1)}:"
        yield from _program(rule.refused)
        yield ""
        yield "Instead:"
        yield from _program(rule.instead)


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return what `rule_text` says."""
    return {**asdict(rule), "family": rule.family}


def names_text(names: Iterable[Named]) -> Iterator[str]:
    """Yield for each meaning of a name whether it is permitted, why, and what to write instead."""
    for named in names:
        verdict = "permitted" if named.permitted else "refused"
        yield f"{named.kind} {printable(named.name)}: {verdict}"
        yield from textwrap.wrap(f"why: {named.why}", _WIDTH, initial_indent="  ", subsequent_indent="  ")
        if named.instead:
            yield f"  instead: {named.instead}"
        if not named.permitted:
            yield f"  rule: {named.rule} (assay policy show {named.rule})"


def names_json(names: Iterable[Named]) -> list[dict[str, Any]]:
    """Return what `names_text` says."""
    return [asdict(named) for named in names]


def _program(source: str) -> list[str]:
    return [f"    {printable(line)}".rstrip() for line in source.splitlines()]
