"""The checker can be adopted alone: it runs where nothing of Assay's other dependencies can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Done, assay, environment
from tests.policies.programs import BENIGN, HOSTILE

# A start that leaves the standard library, this checkout and RestrictedPython, and refuses all other imports.
ALONE = """
import runpy, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "policies", "RestrictedPython"}:
            raise ImportError(f"{name}: not to be imported")
sys.meta_path.insert(0, Refuse())
sys.argv[0] = "policies"
runpy.run_module("policies", run_name="__main__", alter_sys=True)
"""


def alone(*arguments: str | Path, cwd: Path) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_bytes(BENIGN[0].read_bytes())
    (tmp_path / "bad.py").write_bytes(HOSTILE[0].read_bytes())
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--explain"], *(["--format", form] for form in ("json", "sarif", "github"))])
def test_reports_are_those_of_assay_check(files: Path, options: list[str]) -> None:
    here = alone("good.py", "bad.py", *options, cwd=files)
    there = assay("check", "good.py", "bad.py", *options, cwd=files)
    assert (here.code, here.out, here.err) == (there.code, there.out, "")
    assert here.code == 1


def test_admitted_files_end_with_exit_code_0(files: Path) -> None:
    assert alone("good.py", cwd=files).code == 0


@pytest.mark.parametrize(
    "arguments",
    [["absent.py"], ["."], [], ["good.py", "--format", "xml"], ["good.py", "--explain", "--format", "sarif"]],
)
def test_mistakes_are_one_message_and_exit_code_2(files: Path, arguments: list[str]) -> None:
    done = alone(*arguments, cwd=files)
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err


def test_reader_that_stops_reading_is_no_fault(files: Path) -> None:
    many = " ".join(["bad.py"] * 500)
    shell = f"{sys.executable} -P -m policies --explain {many} | head -1"
    done = subprocess.run(shell, shell=True, cwd=files, env=environment(), capture_output=True, text=True, check=False)  # noqa: S602
    assert (done.stdout, done.stderr) == ("bad.py: refused\n", "")


def test_profile_is_a_name_or_a_file(files: Path) -> None:
    (files / "narrow.toml").write_text('name = "narrow"\n[remove]\nbuiltins = "print"\n')
    (files / "prints.py").write_text("def merge_models(model_dict, device):\n    print(1)\n    return 1\n")
    assert alone("prints.py", "--profile", "strict", cwd=files).code == 0
    assert alone("prints.py", "--profile", "narrow.toml", cwd=files).code == 1
    assert alone("prints.py", "--profile", "absent.toml", cwd=files).code == 2


def test_log_names_the_profile(files: Path) -> None:
    (files / "narrow.toml").write_text('name = "narrow"\n[remove]\nbuiltins = "print"\n')
    log = json.loads(alone("good.py", "--profile", "narrow.toml", "--format", "sarif", cwd=files).out)
    assert log["runs"][0]["properties"]["profile"] == "narrow"
