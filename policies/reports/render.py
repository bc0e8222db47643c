"""Chooses the report that was asked for and gives its lines. The command line and `python -m policies` share it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum

from policies.profiles import STRICT
from policies.reports import github, sarif, structured, text
from policies.reports.checked import Checked


class Format(StrEnum):
    """How a check is reported."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def render(files: Sequence[Checked], form: Format, profile: str = STRICT) -> Iterator[str]:
    """Yield the report's lines, harmless to print whatever the files and their names hold."""
    match form:
        case Format.TEXT:
            yield from text.report(files)
        case Format.JSON:
            yield as_text(structured.report(files))
        case Format.SARIF:
            yield as_text(sarif.report(files, profile))
        case Format.GITHUB:
            yield from github.report(files)


def as_text(value: object) -> str:
    """Return JSON in ASCII: no terminal acts on what is in it."""
    return json.dumps(value, indent=2, ensure_ascii=True)
