"""Chooses the report that was asked for and gives its lines. The command line and `python -m policies` share it.

Each report is imported when it is asked for: most checks need one of them, and their start is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from policies.profiles import STRICT
from policies.reports.checked import Checked
from policies.reports.formats import EXPLAINED, Format


def render(files: Sequence[Checked], form: Format, profile: str = STRICT, *, explain: bool = False) -> Iterator[str]:
    """Yield the report's lines, harmless to print whatever the files and their names hold.

    Raises:
        ValueError: an explanation was asked for in a format that has no place for it.
    """
    if explain and form not in EXPLAINED:
        raise ValueError(f"explanation: expected the format text or json, found {form}; leave one of them out")
    match form:
        case Format.TEXT if explain:
            from policies.reports import explained

            yield from explained.report(files)
        case Format.TEXT:
            from policies.reports import text

            yield from text.report(files)
        case Format.JSON:
            from policies.reports import structured

            yield as_text(structured.report(files, explain=explain))
        case Format.SARIF:
            from policies.reports import sarif

            yield as_text(sarif.report(files, profile))
        case Format.GITHUB:
            from policies.reports import github

            yield from github.report(files)


def as_text(value: object) -> str:
    """Return JSON in ASCII: no terminal acts on what is in it."""
    return json.dumps(value, indent=2, ensure_ascii=True)
