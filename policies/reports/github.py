"""The report for GitHub Actions: one workflow command per finding, which GitHub shows beside the line.

The runner reads commands from the log, so nothing else is printed that a file could have a part in.
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policies.reports.checked import Checked
from policies.reports.escape import printable


def report(files: Iterable[Checked]) -> Iterator[str]:
    """Yield the commands, then a line that counts."""
    count = refused = 0
    for file in files:
        count += 1
        refused += not file.admitted
        for finding in file.result.findings:
            place = f"file={_property(file.path)},line={finding.line},col={finding.column},title={finding.rule}"
            yield f"::error {place}::{_data(finding.message)}"
    yield f"{count} checked, {refused} refused"


def _data(text: str) -> str:
    """Escape a message. Line ends have an escape of their own; other controls are shown as text."""
    text = printable(text, keep="\r\n")
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
