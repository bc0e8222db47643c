"""The attack programs and what their docstrings promise. Runs none of them.

A docstring says what is tried. Its last lines say how that must end, one line per place where it runs:

    Expected: run runtime_error (EPERM)
    Outer wall alone: verify not_finite
    Bubblewrap: run runtime_error (ENOENT)
    Bubblewrap alone: verified (the kernel counts for the whole host)

`Expected` is the product; the others where they differ: a container without the second wall inside it; the
sandbox for hosts without an engine; and that without the second wall and without cgroups (which, where it
has no line, ends like `Outer wall alone`). What stands in brackets must be seen in the rejection's detail:
the kernel's answer by name, or a phrase; `/` separates those that the machine may choose from. So a program
that fails for another reason than a refusal, a slip of its author for example, does not pass. In brackets
after `verified` (in a cell: `screened`) is what such a program gets.
"""

from __future__ import annotations

import ast
import errno
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.candidate import Rejection, Verified

FOLDER = Path(__file__).parent
VERIFIED = "verified"
SCREENED = "screened"
PASSED = (VERIFIED, SCREENED)
_LINE = re.compile(r"^(Expected|Outer wall alone|Bubblewrap|Bubblewrap alone): (.+)$", re.MULTILINE)
_ENDING = re.compile(r"(verified|screened|[a-z]+ [a-z_]+)(?: \(([^()]+)\))?")

Outcome = Verified | Rejection


class Place(StrEnum):
    """Where a program is run."""

    PRODUCT = "container, both walls"
    OUTER = "container, outer wall alone"
    BUBBLEWRAP = "bubblewrap, both walls"
    BARE = "bubblewrap, outer wall and rlimits alone"


_LABELS = {
    Place.PRODUCT: ("Expected",),
    Place.OUTER: ("Outer wall alone", "Expected"),
    Place.BUBBLEWRAP: ("Bubblewrap", "Expected"),
    Place.BARE: ("Bubblewrap alone", "Outer wall alone", "Expected"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way to end that is right: `run killed`, and what must be seen in the detail (any of these)."""

    verdict: str
    seen: tuple[str, ...]

    def fits(self, verdict: str, detail: str) -> bool:
        return verdict == self.verdict and (
            verdict in PASSED or not self.seen or any(_in_words(sign) in detail for sign in self.seen)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One program with its docstring's promises."""

    path: Path
    tried: str  # the docstring's first line
    endings: dict[str, tuple[Ending, ...]]  # by the label of the line

    @property
    def family(self) -> str:
        return self.path.parent.name

    @property
    def id(self) -> str:
        return f"{self.family}/{self.path.stem}"

    @property
    def source(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def expected(self, place: Place) -> tuple[Ending, ...]:
        return next(self.endings[label] for label in _LABELS[place] if label in self.endings)


def attacks(kind: str) -> list[Attack]:
    """Return the programs below `container/` or `cell/`, sorted."""
    return [_attack(path) for path in sorted((FOLDER / kind).glob("*/*.py" if kind == "container" else "*.py"))]


def verdict_of(outcome: Outcome) -> tuple[str, str]:
    """Return the verdict as docstrings spell it, and its detail."""
    if isinstance(outcome, Verified):
        return VERIFIED, ""
    return f"{outcome.stage.value} {outcome.reason.value}", outcome.detail


def _attack(path: Path) -> Attack:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    endings = {label: _endings(rest, path) for label, rest in _LINE.findall(text)}
    if "Expected" not in endings:
        raise ValueError(f"{path}: no line `Expected: <stage> <reason> (<seen>)` in its docstring")
    return Attack(path=path, tried=text.splitlines()[0], endings=endings)


def _endings(text: str, path: Path) -> tuple[Ending, ...]:
    endings = []
    for part in re.split(r" or (?![^(]*\))", text):
        found = _ENDING.fullmatch(part)
        if found is None:
            raise ValueError(f"{path}: {part!r}: expected `<stage> <reason> (<seen>)`")
        endings.append(Ending(verdict=found[1], seen=tuple((found[2] or "").split("/")) if found[2] else ()))
    return tuple(endings)


def unexplained(found: Sequence[Attack]) -> list[str]:
    """Name the programs whose fault could be a slip: a runtime error without a sign, a pass without a reason."""
    return [
        attack.id
        for attack in found
        for endings in attack.endings.values()
        for ending in endings
        if not ending.seen and (ending.verdict in PASSED or ending.verdict.endswith(" runtime_error"))
    ]


def _in_words(sign: str) -> str:
    """Return what Python writes for an error by its name; anything else stands for itself."""
    number = getattr(errno, sign, None)
    return sign if number is None else f"[Errno {number}]"
