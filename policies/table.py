"""The table of torch: every public name that was looked at, permitted or denied, and why. For people to read.

It is made from the same data that the checker and the guards read; what it does not know, they refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from policies.reasons import TENSOR, denied, made_for, permitted

Verdict = Literal["permitted", "denied"]
NAMESPACES = (
    "torch",
    TENSOR,
    "torch.linalg",
    "torch.nn",
    "torch.nn.functional",
    "torch.special",
    "torch.fft",
    "torch.cuda",
)
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name, and where the policy puts it."""

    namespace: str
    name: str
    verdict: Verdict
    reason: str


def namespaces() -> tuple[str, ...]:
    """Return the parts of torch that the table covers: the chosen ones, and whatever else the data names."""
    more = {*permitted().reasons, *denied().reasons}.difference(NAMESPACES)
    return (*NAMESPACES, *sorted(more))


def table() -> tuple[Entry, ...]:
    """Return every name that the policy knows, by namespace and verdict, in order of names."""
    return tuple(entry for namespace in namespaces() for entry in _entries(namespace))


def _entries(namespace: str) -> Iterator[Entry]:
    lists: list[tuple[Verdict, Mapping[str, str]]] = [
        ("permitted", permitted().reasons.get(namespace, _NONE)),
        ("denied", denied().reasons.get(namespace, _NONE)),
    ]
    for verdict, reasons in lists:
        for name in sorted(reasons):
            yield Entry(namespace=namespace, name=name, verdict=verdict, reason=reasons[name])


def markdown() -> str:
    """Return the table as docs/torch-table.md has it: one row for each reason."""
    entries = table()
    allowed = sum(entry.verdict == "permitted" for entry in entries)
    lines = [
        f"# Every public name of torch {made_for()}, permitted or denied",
        "",
        "Generated from `policies/data` by `assay policy table --format markdown > docs/torch-table.md`.",
        "What is not here is denied. `assay policy diff` compares the table with the torch that is installed.",
        "",
        f"{allowed} names are permitted, {len(entries) - allowed} are denied.",
    ]
    for namespace in namespaces():
        lines += ["", f"## {namespace}", "", "| | why | names |", "|---|---|---|", *_rows(namespace)]
    return "\n".join(lines) + "\n"


def _rows(namespace: str) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in _entries(namespace):
        groups.setdefault((entry.verdict, entry.reason), []).append(f"`{entry.name}`")
    for verdict, reason in sorted(groups, key=lambda group: (group[0] != "permitted", group[1])):
        yield f"| {verdict} | {reason} | {' '.join(groups[verdict, reason])} |"
