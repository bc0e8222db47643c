"""Every report of anything is text that a terminal may show, and the reports agree about what was found."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.reports.checked import Checked, check_file
from policies.reports.formats import EXPLAINED, Format
from policies.reports.render import render
from tests.policies.programs import BENIGN, HOSTILE
from tests.policies.reports.files import bad, good

SOURCES = [path.read_bytes() for path in [*BENIGN[:20], *HOSTILE[:60]]]
ALL = [(form, explain) for form in Format for explain in (False, True) if form in EXPLAINED or not explain]
PATHS = st.text(min_size=1, max_size=20).filter(lambda path: "\0" not in path)


def mixed(data: st.DataObject) -> bytes:
    """A program into which something was put that does not belong there."""
    source = data.draw(st.sampled_from(SOURCES))
    place = data.draw(st.integers(0, len(source)))
    junk = data.draw(
        st.one_of(st.binary(max_size=6), st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")))
    )
    return source[:place] + junk + source[place:]


def text(files: list[Checked], form: Format, explain: bool = False) -> str:
    return "\n".join(render(files, form, explain=explain))


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_any_file_of_any_name_gives_printable_reports(data: st.DataObject) -> None:
    file = check_file(data.draw(PATHS), mixed(data))
    for form, explain in ALL:
        assert all(line.isprintable() for line in text([file], form, explain).split("\n"))


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_reports_agree_about_what_was_found(data: st.DataObject) -> None:
    file = check_file("x.py", mixed(data))
    found = [(one.rule, one.line, one.column) for one in file.result.findings]
    (as_json,) = json.loads(text([file], Format.JSON, explain=True))
    assert [(one["rule"], one["line"], one["column"]) for one in as_json["findings"]] == found
    results = json.loads(text([file], Format.SARIF))["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == [rule for rule, _, _ in found]
    assert text([file], Format.GITHUB).count("::error ") >= len(found)
    assert all(f"  x.py:{line}:{column}: {rule}: " in text([file], Format.TEXT) for rule, line, column in found)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_columns_lie_within_their_lines(data: st.DataObject) -> None:
    file = check_file("x.py", mixed(data))
    for finding in file.result.findings:
        assert 1 <= finding.line <= len(file.lines) + 1
        assert 1 <= finding.column <= len(file.line(finding.line)) + 2  # a parser may point behind the end


@pytest.mark.parametrize("form", [form for form in Format if form not in EXPLAINED])
def test_explanation_in_a_format_without_place_for_it_is_an_error(form: Format) -> None:
    with pytest.raises(ValueError, match="text or json"):
        text([good()], form, explain=True)


def test_json_has_what_it_always_had() -> None:
    admitted, refused = json.loads(text([good(), bad()], Format.JSON))
    assert (admitted["path"], admitted["verdict"], admitted["findings"]) == ("good.py", "admitted", [])
    assert refused["findings"][0].keys() == {"rule", "line", "column", "message"}
    assert admitted["capabilities"]["builtins"] == {"len": 1, "sum": 1}


def test_json_of_what_cannot_be_parsed_has_no_capabilities() -> None:
    (value,) = json.loads(text([check_file("x.py", b"(")], Format.JSON))
    assert value["capabilities"] is None
