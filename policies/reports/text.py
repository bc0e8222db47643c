"""The report for people: one line per file, and under it each finding with the line that it is about."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from policies.findings import Finding
from policies.reports.checked import Checked
from policies.reports.escape import printable

_COLUMNS = 100  # of a source line that are shown
_BEFORE = 60  # of them before the finding, where the line is longer


def report(files: Iterable[Checked]) -> Iterator[str]:
    """Yield the report's lines."""
    for file in files:
        path = printable(file.path)
        yield f"{path}: {file.result.verdict}"
        for finding in file.result.findings:
            yield f"  {path}:{finding.line}:{finding.column}: {finding.rule}: {printable(finding.message)}"
            yield from excerpt(file.line(finding.line), finding)


def excerpt(line: str, finding: Finding) -> Iterator[str]:
    """Yield the source line and a caret under the finding's column; nothing for an empty line."""
    if not line.strip():
        return
    place = min(max(finding.column, 1) - 1, len(line))
    begin = max(0, place - _BEFORE) if len(line) > _COLUMNS else 0
    begin = max(begin, len(line) - len(line.lstrip())) if place >= len(line) - len(line.lstrip()) else begin
    shown, ahead = printable(line[begin : begin + _COLUMNS]), printable(line[begin:place])
    gutter = f"{finding.line:>6} | "
    yield f"{gutter}{shown}"
    yield f"{' ' * (len(gutter) - 2)}| {' ' * _cells(ahead)}^"


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: East Asian characters two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)
