"""The GitHub Action: its form is the schema's, and its step does what it says when its shell script is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.commands import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
GOOD = "def merge_models(model_dict, device):\n    return sum(model_dict.values())\n"
BAD = "import os\n" + GOOD


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "work" / "programs" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "programs" / "good one.py").write_text(GOOD)
    (tmp_path / "work" / "programs" / "deep" / "bad.py").write_text(BAD)
    return tmp_path / "work"


def checked(repository: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Run the check step's script as the runner does: exit code, log, outputs."""
    step = next(step for step in STEPS if step.get("id") == "check")
    output = repository.parent / "github-output"
    output.touch()
    defaults = {f"INPUT_{name.upper()}": str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=repository,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ASSAY_HOME": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            **defaults,
            **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    lines = (line.partition("=") for line in output.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, {name: value for name, _, value in lines}


def test_form_is_the_schemas() -> None:
    schema = json.loads((ROOT / "tests/fixtures/schemas/github-action.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(ACTION)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate({**ACTION, "runs": {"using": "composite"}})


def test_other_actions_are_pinned_by_commit() -> None:
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in STEPS if "uses" in step)


def test_scripts_take_inputs_from_the_environment_alone() -> None:
    """An expression in a script would be run as part of it, whatever its value holds."""
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert scripts
    assert not any("${{" in script for script in scripts)


def test_every_input_reaches_a_step() -> None:
    text = json.dumps(STEPS)
    assert [name for name in ACTION["inputs"] if f"inputs.{name} }}}}" not in text] == []


def test_what_is_installed_is_what_the_package_asks_for() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (script,) = [step["run"] for step in STEPS if step.get("name") == "Install the checker"]
    (requirement,) = re.findall(r"install '(RestrictedPython[^']*)'", script)
    assert requirement in wanted


def test_refused_program_fails_the_step_with_a_command(repository: Path) -> None:
    code, log, outputs = checked(repository, files="programs/**/*.py")
    assert (code, outputs) == (1, {"refused": "true"})
    assert "::error file=programs/deep/bad.py,line=1,col=1,title=policy.import::import os" in log
    assert "2 checked, 1 refused" in log


def test_admitted_programs_pass(repository: Path) -> None:
    code, log, outputs = checked(repository, files="\nprograms/*.py\n")
    assert (code, outputs) == (0, {"refused": "false"})
    assert "1 checked, 0 refused" in log


def test_sarif_goes_to_the_output_file(repository: Path) -> None:
    code, _, outputs = checked(repository, files="programs/**/*.py", format="sarif", output="log one.sarif")
    assert (code, outputs) == (1, {"refused": "true", "sarif": "log one.sarif"})
    log = json.loads((repository / "log one.sarif").read_text())
    assert [one["location"]["uri"] for one in log["runs"][0]["artifacts"]] == [
        "programs/deep/bad.py",
        "programs/good%20one.py",
    ]


def test_step_may_pass_though_a_program_is_refused(repository: Path) -> None:
    code, _, outputs = checked(repository, files="programs/deep/bad.py", fail="false")
    assert (code, outputs) == (0, {"refused": "true"})


@pytest.mark.parametrize(
    "inputs",
    [
        {"files": "nothing/*.py"},
        {"files": ""},
        {"files": "absent.py", "fail": "false"},
        {"files": "programs/*.py", "format": "xml"},
        {"files": "programs/*.py", "profile": "lenient"},
    ],
)
def test_mistakes_end_with_exit_code_2(repository: Path, inputs: dict[str, str]) -> None:
    assert checked(repository, **inputs)[0] == 2


@pytest.mark.parametrize("name", ["$(touch owned).py", "`touch owned`.py", "-h.py", "a;touch owned;.py", "\\x1b[2J.py"])
def test_hostile_file_name_is_a_name(repository: Path, name: str) -> None:
    (repository / name).write_text(BAD)
    code, log, _ = checked(repository, files="*.py")
    assert code == 1
    assert "1 checked, 1 refused" in log
    assert not (repository / "owned").exists()


def test_modules_of_the_checked_repository_are_not_imported(repository: Path) -> None:
    for name in ("json.py", "policies.py", "RestrictedPython.py", "sitecustomize.py"):
        (repository / name).write_text("raise SystemExit('imported')\n")
    code, log, _ = checked(repository, files="programs/*.py")
    assert (code, "imported" in log) == (0, False)
