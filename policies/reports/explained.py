"""The program with notes under its lines, for people: `assay check --explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.explain import Line, explain
from policies.reports.checked import Checked
from policies.reports.escape import printable
from policies.reports.summary import sentence

_NOTE = "       :   "


def report(files: Iterable[Checked]) -> Iterator[str]:
    """Yield each file's verdict, its lines with their notes, and what it uses in all."""
    for file in files:
        yield f"{printable(file.path)}: {file.result.verdict}"
        for line in explain(file.source, file.result.findings, file.profile):
            yield f"{line.number:>6} | {printable(line.text)}".rstrip()
            yield from _notes(line)
        if file.capabilities:
            yield f"  in all: {sentence(file.capabilities.as_json())}"


def _notes(line: Line) -> Iterator[str]:
    if line.uses:
        yield f"{_NOTE}uses {', '.join(map(printable, line.uses))}"
    if line.decides_by:
        yield f"{_NOTE}decides by {', '.join(line.decides_by)}"
    for bound in line.bounds:
        yield f"{_NOTE}{bound}"
    for finding in line.findings:
        yield f"{_NOTE}REFUSED at column {finding.column}: {finding.rule}: {printable(finding.message)}"
