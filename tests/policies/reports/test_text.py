"""The report for people: places, the line that is meant, and nothing that acts on a terminal."""

from __future__ import annotations

import pytest

from policies.reports.checked import check_file
from policies.reports.text import report
from tests.policies.programs import in_merge
from tests.policies.reports.files import bad, good


def shown(source: str, path: str = "x.py") -> list[str]:
    return list(report([check_file(path, source.encode("utf-8", "surrogatepass"))]))


def marked(lines: list[str]) -> str:
    """The character that the caret stands under."""
    line, caret = lines[2], lines[3]
    return line[caret.index("^")]


def test_admitted_file_is_one_line() -> None:
    assert list(report([good()])) == ["good.py: admitted"]


def test_finding_has_its_place_and_its_line() -> None:
    lines = list(report([bad()]))
    assert lines[0] == "bad.py: refused"
    assert lines[1].startswith("  bad.py:1:1: policy.import: import os: not permitted")
    assert lines[2:4] == ["     1 | import os", "       | ^"]


def test_caret_stands_under_the_character_that_is_meant() -> None:
    assert marked(shown(in_merge("x = 'äöü'; y = open('f')"))) == "o"


def test_caret_counts_two_cells_for_wide_characters() -> None:
    lines = shown(in_merge("x = '漢字'; y = open('f')"))
    assert lines[3].index("^") == lines[2].index("open") + 2


def test_caret_stands_under_the_character_in_long_lines() -> None:
    lines = shown(in_merge(f"x = '{'a' * 500}'; y = open('f')"))
    assert marked(lines) == "o"
    assert len(lines[2]) < 130


def test_place_beyond_the_source_shows_no_line() -> None:
    assert len(shown("")) == 2


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\u202e", "\x9b31m", "\x7f", "\u2028", "\ud800", "\r"])
def test_nothing_acts_on_a_terminal(hostile: str) -> None:
    lines = shown(f"x = '{hostile}'; y = open('f')\n", path=f"{hostile}.py")
    assert all(line.isprintable() for line in lines)
