"""The report as SARIF 2.1.0 (OASIS), for code scanning and editors.

Columns count Unicode code points, as findings do. Paths are relative to the working directory and no other
path of the machine is told, but for files outside it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from policies.checker import policy_digest
from policies.findings import Finding
from policies.profiles import STRICT
from policies.profiles import profile as find_profile
from policies.reports.checked import Checked
from policies.reports.escape import printable
from policies.rulebook import Rule, rulebook

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERSION = "2.1.0"
_FINGERPRINT = "assayFinding/v1"
_LEVEL = "error"


def report(files: Iterable[Checked], profile: str = STRICT) -> dict[str, Any]:
    """Return the log: one run, an artifact per file, a result per finding. A file that is given twice counts once."""
    files = list({file.uri: file for file in files}.values())
    rules, named = rulebook(), find_profile(profile)
    index = {rule: number for number, rule in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {"driver": _driver(rules, profile)},
                "invocations": [{"executionSuccessful": True}],
                "columnKind": "unicodeCodePoints",
                "artifacts": [_artifact(file) for file in files],
                "results": [result for number, file in enumerate(files) for result in _results(file, number, index)],
                "properties": {
                    "policySha256": policy_digest(profile),
                    "profile": named.name,
                    "unsafeAllow": list(named.widens),
                },
            }
        ],
    }


def _driver(rules: Mapping[str, Rule], profile: str) -> dict[str, Any]:
    return {
        "name": "assay",
        "version": _version(profile),
        "language": "en",
        "rules": [_descriptor(rule) for rule in rules.values()],
    }


def _version(profile: str) -> str:
    """Return the package's version; the policy alone, copied without its metadata, is known by its digest."""
    from importlib import metadata

    try:
        return metadata.version("assay")
    except metadata.PackageNotFoundError:
        return f"policy-{policy_digest(profile)[:12]}"


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.replace(".", "-").split("-")),
        "shortDescription": {"text": f"{rule.what[0].upper()}{rule.what[1:]}."},
        "fullDescription": {"text": rule.why},
        "help": {"text": _help(rule), "markdown": _markdown(rule)},
        "defaultConfiguration": {"level": _LEVEL},
        "properties": {"tags": [rule.family, "security"], "precision": "very-high", "problem.severity": _LEVEL},
    }


def _help(rule: Rule) -> str:
    if not rule.refused:
        return rule.why
    return f"{rule.why}\n\nRefused{_times(rule)}:\n\n{_shown(rule.refused)}\n\nInstead:\n\n{_shown(rule.instead)}"


def _markdown(rule: Rule) -> str:
    if not rule.refused:
        return rule.why
    programs = (f"Refused{_times(rule)}:", _fenced(rule.refused), "Instead:", _fenced(rule.instead))
    return "\n\n".join((rule.why, *programs))


def _times(rule: Rule) -> str:
    return f" (repeated {rule.times} times)" if rule.times > 1 else ""


def _fenced(source: str) -> str:
    return f"```python\n{_shown(source)}\n```"


def _shown(source: str) -> str:
    return printable(source, keep="\n").strip("\n")


def _artifact(file: Checked) -> dict[str, Any]:
    hashes = {"hashes": {"sha-256": hashlib.sha256(file.source).hexdigest()}, "length": len(file.source)}
    return {
        "location": _location(file),
        "roles": ["analysisTarget"],
        "sourceLanguage": "python",
        **(hashes if file.whole else {}),
        "properties": {"verdict": file.result.verdict, "astSha256": file.result.ast_digest},
    }


def _location(file: Checked) -> dict[str, Any]:
    return {"uri": file.uri} if file.uri.startswith("file:") else {"uri": file.uri, "uriBaseId": "%SRCROOT%"}


def _results(file: Checked, artifact: int, index: Mapping[str, int]) -> Iterable[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for finding in file.result.findings:
        place = {
            "artifactLocation": {**_location(file), "index": artifact},
            "region": {"startLine": max(finding.line, 1), "startColumn": max(finding.column, 1)},
        }
        print_ = _fingerprint(finding, file.line(finding.line))
        yield {
            "ruleId": finding.rule,
            "ruleIndex": index[finding.rule],
            "level": _LEVEL,
            "message": {"text": _message(finding.message)},
            "locations": [{"physicalLocation": place}],
            "partialFingerprints": {_FINGERPRINT: f"{print_}:{seen[print_]}"},
        }
        seen[print_] += 1


def _fingerprint(finding: Finding, line: str) -> str:
    """Return what stays the same when lines are added above or the line is indented anew."""
    return hashlib.sha256(f"{finding.rule}\0{' '.join(line.split())}".encode("utf-8", "replace")).hexdigest()[:16]


def _message(text: str) -> str:
    """Braces mark placeholders in SARIF's messages (3.11.5); doubled they stand for themselves."""
    return printable(text).replace("{", "{{").replace("}", "}}")
