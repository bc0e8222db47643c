"""The SARIF log is valid, says where findings are in the standard's units, and explains every rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from policies.checker import policy_digest
from policies.findings import RULES
from policies.reports.checked import check_file
from policies.reports.sarif import report
from tests.policies.programs import BENIGN, HOSTILE
from tests.policies.reports.files import BAD, GOOD, bad, good

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "fixtures" / "schemas" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))


def run(*files: Any) -> Any:
    log = json.loads(json.dumps(report(files)))
    jsonschema.Draft4Validator(SCHEMA).validate(log)
    return log["runs"][0]


def uri(path: str) -> str:
    return run(bad(path))["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_schema_refuses_what_is_no_log() -> None:
    log = report([bad()])
    log["runs"][0]["results"][0]["message"] = "text"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(log)


def test_log_of_all_corpora_is_valid() -> None:
    found = run(*(check_file(f"{path.parent.name}/{path.name}", path.read_bytes()) for path in [*BENIGN, *HOSTILE]))
    assert len(found["artifacts"]) == len(BENIGN) + len(HOSTILE)
    assert len(found["results"]) > len(HOSTILE) / 2


def test_log_of_no_findings_is_valid() -> None:
    assert run(good())["results"] == []
    assert run()["artifacts"] == []


def test_every_rule_is_explained() -> None:
    rules = run(good())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["help"]["markdown"].count("```") in (0, 4)
        assert rule["defaultConfiguration"]["level"] == "error"


def test_result_names_its_rule_and_file() -> None:
    found = run(good(), bad())
    for result in found["results"]:
        assert found["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert found["artifacts"][place["index"]]["location"]["uri"] == place["uri"] == "bad.py"


def test_columns_count_code_points() -> None:
    found = run(bad())
    assert found["columnKind"] == "unicodeCodePoints"
    region = found["results"][1]["locations"][0]["physicalLocation"]["region"]
    line = BAD.splitlines()[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 :].startswith("open(s)")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a b.py", "a%20b.py"),
        ("a:b,c%.py", "a%3Ab%2Cc%25.py"),
        ("ä#?.py", "%C3%A4%23%3F.py"),
        ("\x1b\n.py", "%1B%0A.py"),
        ("\udcff.py", "%FF.py"),
        ("./x/../y.py", "y.py"),
        ("/elsewhere/a b.py", "file:///elsewhere/a%20b.py"),
    ],
)
def test_paths_are_uris_relative_to_the_working_directory(path: str, expected: str) -> None:
    assert uri(path) == expected


def test_fingerprint_survives_lines_added_above() -> None:
    moved = check_file("bad.py", ("# a comment\n\n" + BAD).encode())
    before, after = run(bad())["results"], run(moved)["results"]
    assert [one["partialFingerprints"] for one in before] == [one["partialFingerprints"] for one in after]


def test_fingerprints_tell_equal_lines_apart() -> None:
    twice = check_file("bad.py", BAD.replace("import os\n", "import os\nimport os\n").encode())
    prints = [str(one["partialFingerprints"]) for one in run(twice)["results"]]
    assert len(set(prints)) == len(prints)


def test_file_that_is_given_twice_counts_once() -> None:
    assert len(run(bad(), bad(), bad("./bad.py"))["artifacts"]) == 1


def test_braces_of_messages_are_no_placeholders() -> None:
    (result,) = run(check_file("x.py", b"x = {\n"))["results"]
    assert "'{{' was never closed" in result["message"]["text"]


def test_log_says_by_which_policy() -> None:
    found = run(good())
    assert found["properties"] == {"policySha256": policy_digest(), "profile": "strict", "unsafeAllow": []}
    assert found["tool"]["driver"]["version"]


def test_artifact_has_the_digest_of_the_whole_file_or_none() -> None:
    import hashlib

    whole, cut = run(good(), check_file("large.py", b"#" * 70_000))["artifacts"]
    assert whole["hashes"]["sha-256"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert "hashes" not in cut
