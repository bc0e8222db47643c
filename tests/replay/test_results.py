"""The forms of a result: JSON by its schema, XML that parses, text that moves no cursor."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import jsonschema
import pytest

from orchestrator.replay.classes import EXIT_CODES, ReplayClass
from orchestrator.replay.compare import Divergence, Greatest
from orchestrator.replay.results import ProgramResult, ReplayResult, as_json, details, junit, line, summary
from tests.commands import ROOT

HOSTILE = 'x\x1b[2J"><failure/>&amp;\u202e\ud800'
GREATEST = Greatest(
    tensor="w\x1b", dtype="F32", element=3, bits=("3f800000", "3f800001"), ulp=1, absolute=1e-7, relative=float("inf")
)
DIVERGENCE = Divergence(first="w", tensors=1, of=2, elements=1, greatest=GREATEST, largest_ulp={"F32": 1.0})


def program(result: ReplayClass, **more: Any) -> ProgramResult:
    return ProgramResult(id="i1-000", digest="0" * 64, result=result, recorded="verified", entries=(3, 4), **more)


def result(*programs: ProgramResult, **more: Any) -> ReplayResult:
    return ReplayResult(source="runs/lab", run="lab", entries=9, root="f" * 64, keys=("k",), programs=programs, **more)


def require_schema(value: object) -> None:
    schema = json.loads((ROOT / "docs" / "replay.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(value)), schema)


@pytest.mark.parametrize("one", ReplayClass)
def test_json_is_as_its_schema_says(one: ReplayClass) -> None:
    value = as_json(result(program(one, why=HOSTILE, divergence=DIVERGENCE, operations=("torch.mul",))))
    require_schema(value)
    assert (value["class"], value["exit_code"]) == (one.value, EXIT_CODES[one])


def test_the_json_of_an_invalid_record_is_as_its_schema_says() -> None:
    value = as_json(ReplayResult(source="x", whole=ReplayClass.LOG_INVALID, why="entry 3: damaged"))
    require_schema(value)
    assert (value["class"], value["exit_code"], value["programs"]) == ("LOG_INVALID", 4, [])


def test_an_interrupt_has_its_own_exit_code() -> None:
    value = as_json(result(program(ReplayClass.IDENTICAL), interrupted=True))
    require_schema(value)
    assert value["exit_code"] == 130


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (ReplayClass.IDENTICAL, None),
        (ReplayClass.EQUIVALENT, None),
        (ReplayClass.WITHIN_TOLERANCE, None),
        (ReplayClass.DIVERGED, "failure"),
        (ReplayClass.LOG_INVALID, "error"),
        (ReplayClass.ENV_MISMATCH, "skipped"),
        (ReplayClass.INPUT_UNAVAILABLE, "skipped"),
        (ReplayClass.INCONCLUSIVE, "skipped"),
    ],
)
def test_junit_has_one_case_per_program_of_the_right_kind(one: ReplayClass, kind: str | None) -> None:
    suite = ET.fromstring(junit(result(program(one, why=HOSTILE, divergence=DIVERGENCE)))).find("testsuite")  # noqa: S314
    assert suite is not None
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["i1-000"]
    marks = [child.tag for child in cases[0] if child.tag != "system-out"]
    assert marks == ([kind] if kind else [])
    assert {name: suite.get(name) for name in ("failures", "errors", "skipped")} == {
        "failures": str(int(kind == "failure")),
        "errors": str(int(kind == "error")),
        "skipped": str(int(kind == "skipped")),
    }


def test_junit_of_a_record_that_does_not_hold_is_an_error_not_an_empty_suite() -> None:
    text = junit(ReplayResult(source="x", whole=ReplayClass.LOG_INVALID, why="entry 3"))
    suite = ET.fromstring(text).find("testsuite")  # noqa: S314
    assert suite is not None
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


def test_no_form_lets_an_escape_through() -> None:
    hostile = program(ReplayClass.DIVERGED, why=HOSTILE, divergence=DIVERGENCE)
    whole = result(hostile, why=HOSTILE, environment={"notes": [HOSTILE]})
    for text in (line(hostile), *details(hostile), *summary(whole), junit(whole).replace("\n", "")):
        assert text.isprintable()
    assert json.dumps(as_json(whole), ensure_ascii=False).isprintable()


def test_what_only_digests_can_say_is_said() -> None:
    lost = program(ReplayClass.DIVERGED, divergence=Divergence(first="w", tensors=1, of=2), operations=("torch.mul",))
    text = "\n".join(details(lost))
    assert "first differing tensor w" in text
    assert "not kept" in text
    assert "torch.mul" in text
