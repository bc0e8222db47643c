"""The examples: configurations that load, a control that is one, and the make target that runs it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

from orchestrator.config import load_config
from tests.commands import ROOT

EXAMPLES = ROOT / "examples"
STUB = """#!/bin/sh
echo "$@" >> calls
case "$1" in run) mkdir -p "$4" && echo '{"learn": "none"}' > "$4/config.json";; esac
"""


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_loads(path: Path) -> None:
    assert load_config(path).name


def test_the_control_differs_from_the_lab_in_name_and_learn_only() -> None:
    lab, control = (tomllib.loads((EXAMPLES / name).read_text()) for name in ("lab.toml", "lab-control.toml"))
    assert (lab.pop("name"), control.pop("name")) == ("lab", "lab-control")
    assert (lab.pop("learn"), control.pop("learn")) == ("dpo", "none")
    assert lab == control


def test_the_lab_in_bubblewrap_differs_from_the_lab_in_name_and_sandbox_only() -> None:
    lab, other = (tomllib.loads((EXAMPLES / name).read_text()) for name in ("lab.toml", "lab-bubblewrap.toml"))
    assert (lab.pop("name"), other.pop("name")) == ("lab", "lab-bubblewrap")
    assert other.pop("sandbox") == "bubblewrap"
    assert lab == other


SETUP_STUB = """#!/bin/sh
echo "setup $1" >> calls
case "$1" in engine) exit {engine};; bubblewrap) exit {bubblewrap};; esac
"""


def make_demo(folder: Path, *, engine: int, bubblewrap: int = 0) -> tuple[int, list[str], str]:
    """Run the recipe of `make demo` where set-up ends as told and `assay` only notes how it was called."""
    stub = folder / "bin" / "assay"
    stub.parent.mkdir()
    stub.write_text(STUB)
    setup = folder / "bin" / "setup"
    setup.write_text(SETUP_STUB.format(engine=engine, bubblewrap=bubblewrap))
    for program in (stub, setup):
        program.chmod(0o755)
    (stub.parent / "python").symlink_to("/bin/true")
    command = ["make", "-f", str(ROOT / "Makefile"), "demo", f"SETUP={setup}", f"BIN={stub.parent}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, (folder / "calls").read_text().splitlines(), done.stderr


def test_make_demo_runs_on_the_engine_where_there_is_one(tmp_path: Path) -> None:
    code, calls, said = make_demo(tmp_path, engine=0)
    assert (code, calls) == (0, ["setup engine", "setup all", "run examples/lab.toml --run-dir runs/lab"])
    assert "bubblewrap" not in said


def test_make_demo_falls_back_to_bubblewrap_and_says_so(tmp_path: Path) -> None:
    code, calls, said = make_demo(tmp_path, engine=1)
    assert (code, calls) == (
        0,
        ["setup engine", "setup bubblewrap", "run examples/lab-bubblewrap.toml --run-dir runs/lab"],
    )
    assert "falling back to bubblewrap, which is weaker" in said


@pytest.mark.parametrize(("engine", "bubblewrap"), [(130, 0), (2, 0), (1, 1)])
def test_make_demo_runs_nothing_where_set_up_was_interrupted_or_failed(
    tmp_path: Path, engine: int, bubblewrap: int
) -> None:
    code, calls, _ = make_demo(tmp_path, engine=engine, bubblewrap=bubblewrap)
    assert code != 0
    assert not any(call.startswith("run") for call in calls)


def make_control(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the recipe of `make control` in a folder where `assay` only notes how it was called."""
    stub = folder / "bin" / "assay"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    (stub.parent / "python").symlink_to("/bin/true")
    command = ["make", "-f", str(ROOT / "Makefile"), "control", "SETUP=true", f"BIN={stub.parent}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def add_run(folder: Path, name: str, *, learn: str, ended: bool = True) -> None:
    run_dir = folder / "runs" / name
    run_dir.mkdir(parents=True)
    (run_dir / "config.json").write_text(f'{{\n  "learn": "{learn}"\n}}')
    (run_dir / "ledger.jsonl").write_text('{"type":"run.completed"}\n' if ended else '{"type":"log.opened"}\n')


def test_make_control_puts_the_control_beside_the_finished_demo(tmp_path: Path) -> None:
    add_run(tmp_path, "lab", learn="dpo")
    add_run(tmp_path, "lab-2", learn="dpo", ended=False)
    add_run(tmp_path, "lab-control", learn="none")
    done = make_control(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "calls").read_text().splitlines() == [
        "run examples/lab-control.toml --run-dir runs/lab-control-2",
        "report runs/lab --beside runs/lab-control-2",
    ]


def test_make_control_without_a_demo_says_what_to_do(tmp_path: Path) -> None:
    done = make_control(tmp_path)
    assert done.returncode != 0
    assert "run `make demo` first" in done.stderr
    assert not (tmp_path / "calls").exists()
