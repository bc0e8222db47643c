"""What people may read about a rule: what it demands, why, a program that it refuses, and what to write instead.

For reports and for `assay policy show`. The checker decides without it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from policies.findings import RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. The programs are empty where none is known that the rule refuses."""

    id: str
    what: str  # what holds for every admitted program
    why: str
    refused: str  # a program that gives this finding, once it is repeated `times` times
    times: int
    instead: str  # a program that does what the other meant to, and is admitted

    @property
    def family(self) -> str:
        """`syntax`, `policy` or `contract`."""
        return self.id.partition(".")[0]

    @property
    def example(self) -> str:
        """The refused program in full."""
        return self.refused * self.times


@cache
def rulebook() -> Mapping[str, Rule]:
    """Return every rule by its id, in the order of `findings.RULES`."""
    texts = resources.files("policies.data").joinpath("rules.toml").read_text(encoding="utf-8")
    entries = {entry["id"]: entry for entry in tomllib.loads(texts)["rule"]}
    if entries.keys() != RULES.keys():
        raise ValueError(f"policy data: rules.toml and RULES differ in {sorted(entries.keys() ^ RULES.keys())}")
    return MappingProxyType({rule: _rule(rule, what, entries[rule]) for rule, what in RULES.items()})


def _rule(rule: str, what: str, entry: Mapping[str, object]) -> Rule:
    times = entry.get("times", 1)
    return Rule(
        id=rule,
        what=what,
        why=" ".join(str(entry["why"]).split()),
        refused=str(entry.get("refused", "")),
        times=times if isinstance(times, int) else 1,
        instead=str(entry.get("instead", "")),
    )
