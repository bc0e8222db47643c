"""The report for programs: a list of files as JSON values. Keys are added, never renamed or taken away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policies.findings import Finding
from policies.reports.checked import Checked


def report(files: Iterable[Checked]) -> list[dict[str, Any]]:
    """Return one value per file. `capabilities` is null where the file cannot be parsed."""
    return [
        {
            "path": file.path,
            "verdict": file.result.verdict,
            "findings": [finding_value(finding) for finding in file.result.findings],
            "ast_sha256": file.result.ast_digest,
            "policy_sha256": file.result.policy_digest,
            "capabilities": file.capabilities.as_json() if file.capabilities else None,
        }
        for file in files
    ]


def finding_value(finding: Finding) -> dict[str, Any]:
    """Return a finding; `column` counts characters from 1."""
    return {
        "rule": finding.rule,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
    }
