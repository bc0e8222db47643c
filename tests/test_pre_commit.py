"""The pre-commit hook, run by pre-commit itself on a repository of its own; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.commands import ROOT, environment

HOOKS = ROOT / ".pre-commit-hooks.yaml"
GOOD = "def merge_models(model_dict, device):\n    return sum(model_dict.values())\n"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit needs git")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    identity = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    variables = environment(
        **identity,
        HOME=str(cwd),
        GIT_CONFIG_NOSYSTEM="1",
        PRE_COMMIT_HOME=str(cwd / ".cache"),
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    return subprocess.run(list(map(str, command)), cwd=cwd, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a program that is admitted, one that is refused, and Python that is no program."""
    hooks, mine = tmp_path / "hooks", tmp_path / "mine"
    for folder in (hooks, mine / "programs"):
        folder.mkdir(parents=True)
    shutil.copy(HOOKS, hooks)
    (mine / "programs" / "good.py").write_text(GOOD)
    (mine / "programs" / "bad.py").write_text("import os\n" + GOOD)
    (mine / "setup.py").write_text("import os\n")
    for folder in (hooks, mine):
        for arguments in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "x")):
            done = run("git", *arguments, cwd=folder)
            assert done.returncode == 0, done.stderr
    return mine


def hook(repository: Path, *files: str) -> subprocess.CompletedProcess[str]:
    which = ("--files", *files) if files else ("--all-files",)
    return run(sys.executable, "-m", "pre_commit", "try-repo", "../hooks", "assay-check", *which, cwd=repository)


def test_manifest_is_pre_commits(tmp_path: Path) -> None:
    done = run(sys.executable, "-m", "pre_commit", "validate-manifest", HOOKS, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_refused_program_stops_the_commit(repository: Path) -> None:
    done = hook(repository)
    assert done.returncode == 1
    assert "programs/bad.py:1:1: policy.import: import os" in done.stdout
    assert "setup.py" not in done.stdout


def test_admitted_program_passes(repository: Path) -> None:
    done = hook(repository, "programs/good.py")
    assert done.returncode == 0
    assert "Passed" in done.stdout


def test_nothing_is_installed_for_it() -> None:
    (manifest,) = yaml.safe_load(HOOKS.read_text())
    assert manifest["language"] == "system"
