"""The report for programs: a list of files as JSON values. Keys are added, never renamed or taken away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policies.explain import explain as explained
from policies.findings import Finding
from policies.reports.checked import Checked


def report(files: Iterable[Checked], *, explain: bool = False) -> list[dict[str, Any]]:
    """Return one value per file. `capabilities` is null where the file cannot be parsed."""
    return [_file(file) | ({"lines": lines(file)} if explain else {}) for file in files]


def _file(file: Checked) -> dict[str, Any]:
    return {
        "path": file.path,
        "verdict": file.result.verdict,
        "findings": [_finding(finding) for finding in file.result.findings],
        "ast_sha256": file.result.ast_digest,
        "policy_sha256": file.result.policy_digest,
        "capabilities": file.capabilities.as_json() if file.capabilities else None,
    }


def lines(file: Checked) -> list[dict[str, Any]]:
    """Return the program line by line, as `--explain` shows it."""
    return [
        {
            "line": line.number,
            "text": line.text,
            "uses": list(line.uses),
            "bounds": list(line.bounds),
            "decides_by": list(line.decides_by),
            "findings": [_finding(finding) for finding in line.findings],
        }
        for line in explained(file.source, file.result.findings, file.profile)
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    """Return a finding; `column` counts characters from 1."""
    return {
        "rule": finding.rule,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
    }
