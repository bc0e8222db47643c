"""What the listed programs use, as rows of a table. Pure: facts in, cells out.

The counts are of what is written in a program, as the policy recorded it; nothing is counted anew here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.reporting.facts import Program

_NONE = "\N{EN DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One program's cells, in the table's order."""

    id: str
    counts: tuple[str, ...]  # torch functions, tensor methods, loops, how deep, random draws
    decides_by: str
    sizes: tuple[str, ...]  # numbers, helpers, lines
    entry: int


def rows(programs: Sequence[Program]) -> list[Row]:
    """Return a row for each program whose capabilities are on record."""
    return [_row(program, program.capabilities) for program in programs if program.capabilities]


def _row(program: Program, found: Mapping[str, Any]) -> Row:
    loops, decides = found["loops"], {name: count for name, count in found["branches"].items() if count}
    return Row(
        id=program.id,
        counts=(
            _number(found, "torch"),
            _number(found, "tensor"),
            str(loops["for"] + loops["while"] + loops["comprehension"]),
            str(loops["depth"]),
            str(sum(found["random"].values())),
        ),
        decides_by=", ".join(f"{name} {count}" for name, count in decides.items()) or _NONE,
        sizes=(_number(found, "constants"), _number(found, "helpers"), str(found["size"]["lines"])),
        entry=program.capabilities_entry,
    )


def _number(found: Mapping[str, Any], key: str) -> str:
    return f"{len(found[key])}{'+' if key in found['truncated'] else ''}"
