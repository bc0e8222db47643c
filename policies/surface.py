"""Compares the public names of an installed torch with the policy's table: permitted, denied, or not known to it.

Decides nothing about programs: `checker.py` refuses whatever is not permitted, known or not. What is found here is
work for people: a name that a new torch brings has to be looked at and put in one place or the other. torch itself
is passed in; nothing here imports it, and nothing of it is called.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from policies.reasons import Listed, Reasons, denied, permitted, sometimes
from policies.table import NAMESPACES, namespaces

_MAX_SUMMARY = 100  # characters of a docstring's first sentence
# What a reviewer has to look at, by what a parameter is called.
_SUSPECTS = {
    "writes into": re.compile(r"out|out_\w+|inplace"),
    "may call": re.compile(r"f|fn|func|function|callable|callback|hook|tracker|\w+_(fn|fun|func|function|hook)"),
    "draws from": re.compile(r"generator|seed"),
    "may open": re.compile(r"f|(\w*_)?(file|filename|path|dir|buffer|url)"),
    "may share memory through": re.compile(r"pin_memory|shared|share_memory|storage"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A public name that the table does not know, with what can be told of it at a glance."""

    name: str  # dotted
    kind: str  # "function", "class", "module", or the type of a constant
    summary: str  # the first sentence of its docstring, or empty
    look_at: tuple[str, ...]  # such as "may call fn", "writes into out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What an installed torch has and the table has not, and the other way round; dotted names in order."""

    new: tuple[str, ...]  # public, and in neither list
    gone: tuple[str, ...]  # in a list, and no longer public
    contradictory: tuple[str, ...]  # permitted and denied, or twice in one list

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.contradictory)


def difference(torch: ModuleType) -> Difference:
    """Compare the policy's data with an installed torch."""
    found = compare(permitted(), denied(), public_names(torch, namespaces()))
    return replace(found, gone=tuple(name for name in found.gone if name not in sometimes()))


def compare(allowed: Listed, refused: Listed, public: Mapping[str, Iterable[str]]) -> Difference:
    """Say which names are in neither list, which are in a list alone, and which are in two places."""
    yes, no = _dotted(allowed.reasons), _dotted(refused.reasons)
    there = _dotted(public)
    return Difference(
        new=tuple(sorted(there - yes - no)),
        gone=tuple(sorted((yes | no) - there)),
        contradictory=tuple(sorted((yes & no).union(allowed.twice, refused.twice))),
    )


def _dotted(names: Mapping[str, Iterable[str]] | Reasons) -> set[str]:
    return {f"{namespace}.{name}" for namespace, found in names.items() for name in found}


def public_names(torch: ModuleType, of: Iterable[str] = NAMESPACES) -> dict[str, frozenset[str]]:
    """Return the names without a leading underscore, by namespace.

    Sub-modules count whether or not something has imported them already, so that the answer is the same in every
    process. A namespace that is not there has no names.
    """
    return {namespace: _public(_find(torch, namespace)) for namespace in of}


def _public(value: Any) -> frozenset[str]:
    if value is None:
        return frozenset()
    submodules = [found.name for found in pkgutil.iter_modules(getattr(value, "__path__", []))]
    return frozenset(name for name in [*dir(value), *submodules] if not name.startswith("_"))


def _find(torch: ModuleType, dotted: str) -> Any:
    """Return what a dotted name below torch stands for, without importing anything; None where nothing does."""
    start: Any = torch
    return functools.reduce(lambda value, part: getattr(value, part, None), dotted.split(".")[1:], start)


def look(torch: ModuleType, dotted: str) -> Unknown:
    """Return what can be told of a new name from its docstring and its signature."""
    value = _find(torch, dotted)
    documented, summary = _documented(value, dotted.rpartition(".")[2])
    parameters = sorted(_parameters(value).union(documented))
    look_at = [f"{why} {name}" for why, words in _SUSPECTS.items() for name in parameters if words.fullmatch(name)]
    return Unknown(name=dotted, kind=_kind(value), summary=summary, look_at=tuple(look_at))


def _documented(value: Any, name: str) -> tuple[set[str], str]:
    """Return the parameters and the first sentence that a docstring tells of, as far as it does.

    Built-in functions have no signature for `inspect`: theirs is the docstring's first line.
    """
    text = inspect.getdoc(value) if callable(value) or isinstance(value, ModuleType) else None
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    parameters: set[str] = set()
    while lines and lines[0].startswith(f"{name}("):
        parameters.update(re.findall(r"[(,]\s*\**(\w+)", lines.pop(0)))
    return parameters, lines[0][:_MAX_SUMMARY] if lines else ""


def _parameters(value: Any) -> set[str]:
    try:
        return set(inspect.signature(value).parameters)
    except (TypeError, ValueError):  # no callable, or a built-in that does not tell
        return set()


def _kind(value: Any) -> str:
    if isinstance(value, ModuleType):
        return "module"
    if isinstance(value, type):
        return "class"
    return "function" if callable(value) else type(value).__name__
