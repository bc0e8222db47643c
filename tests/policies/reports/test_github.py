"""The report for GitHub Actions: commands as documented, and no way for a file to add one."""

from __future__ import annotations

import re

from policies.reports.github import report
from tests.policies.reports.files import bad, good

COMMAND = re.compile(r"::error file=(?P<file>[^,:]*),line=\d+,col=\d+,title=[a-z.-]+::(?P<message>.*)")


def test_finding_is_a_command_at_its_place() -> None:
    first, second, count = report([bad(), good()])
    assert first.startswith("::error file=bad.py,line=1,col=1,title=policy.import::import os: not permitted")
    assert second.startswith("::error file=bad.py,line=5,col=23,title=policy.builtin::builtin open")
    assert count == "2 checked, 1 refused"


def test_properties_are_escaped_as_documented() -> None:
    first = next(report([bad("a%b,c:d\r\n.py")]))
    found = COMMAND.fullmatch(first)
    assert found
    assert found["file"] == "a%25b%2Cc%3Ad%0D%0A.py"


def test_percent_in_a_message_is_escaped_and_a_comma_is_not() -> None:
    from policies.reports import github

    assert github._data("50% of a, b: c\nd") == "50%25 of a, b: c%0Ad"


def test_file_cannot_add_a_command() -> None:
    for line in report([bad("\n::add-mask::x\x1b[0m"), good("::add-mask::y"), good("##[add-mask]z")]):
        assert line.isprintable()
        assert line.startswith("::error ") or "add-mask" not in line
