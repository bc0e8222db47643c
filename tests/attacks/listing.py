"""Writes into SECURITY.md what gets through where a wall is missing, from the attack programs' docstrings.

    python -m tests.attacks.listing            # rewrite the block
    python -m tests.attacks.listing --check    # exit 1 when it is out of date (what the test runs)

The docstrings are not taken on their word: the suite runs every program in every place (`make attacks`)
and fails where one ends otherwise.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.attacks.programs import PASSED, Attack, Ending, Place, attacks

SECURITY = Path(__file__).parents[2] / "SECURITY.md"
BLOCK = re.compile(r"(<!-- generated: attacks -->\n).*?(<!-- end -->)", re.DOTALL)
_COMPARED = {Place.OUTER: Place.PRODUCT, Place.BUBBLEWRAP: Place.PRODUCT, Place.BARE: Place.OUTER}
_COLUMNS = {
    Place.OUTER: "container, outer wall alone",
    Place.BUBBLEWRAP: "bubblewrap",
    Place.BARE: "bubblewrap, outer wall and rlimits alone",
}


def listing() -> str:
    """Return the block: how many programs there are, and a row for each that some place does not hold as well."""
    found = [*attacks("container"), *attacks("cell")]
    families = Counter(attack.family for attack in found)
    counts = ", ".join(f"{family} {count}" for family, count in sorted(families.items()))
    rows = [_row(attack) for attack in found if _worth_telling(attack)]
    header = ["| program | tries | " + " | ".join(_COLUMNS.values()) + " |", "|---|---|" + "---|" * len(_COLUMNS)]
    return "\n".join([f"{len(found)} programs: {counts}.", "", *header, *rows, ""])


def rewritten(text: str) -> str:
    """Return SECURITY.md with a fresh block."""
    if not BLOCK.search(text):
        raise ValueError("SECURITY.md: expected a block `<!-- generated: attacks -->`, found none")
    return BLOCK.sub(lambda found: f"{found[1]}{listing()}{found[2]}", text)


def _worth_telling(attack: Attack) -> bool:
    """Whether it gets through somewhere, or bubblewrap ends it in another way than a container with the same walls."""
    through = any(end.verdict in PASSED for place in Place for end in attack.expected(place))
    bubblewrap = (Place.BUBBLEWRAP, Place.BARE)
    return through or any(_verdicts(attack, place) != _verdicts(attack, _COMPARED[place]) for place in bubblewrap)


def _verdicts(attack: Attack, place: Place) -> set[str]:
    return {end.verdict for end in attack.expected(place)}


def _row(attack: Attack) -> str:
    cells = [_told(attack.expected(place)) for place in _COLUMNS]
    return f"| `{attack.id}` | {attack.tried.replace('|', '&#124;')} | " + " | ".join(cells) + " |"


def _told(endings: Sequence[Ending]) -> str:
    if passed := [end for end in endings if end.verdict in PASSED]:
        return f"**gets through**: {'/'.join(passed[0].seen)}"
    return "held: " + " or ".join(end.verdict for end in endings)


def main(arguments: Sequence[str]) -> int:
    """Rewrite, or compare; return the exit status."""
    text = SECURITY.read_text(encoding="utf-8")
    fresh = rewritten(text)
    if "--check" in arguments:
        return int(text != fresh)
    SECURITY.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
