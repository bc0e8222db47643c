"""`assay policy` as a user meets it: against the installed torch, against another one, and without any."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.reasons import denied, made_for, permitted
from tests.commands import ROOT, Done, assay

NEWER = '''
__version__ = "9.9.0"

def transform(input, fn, *, out=None):
    """Transform it."""

class Tensor:
    pass
'''


def diff_with(tmp_path: Path, source: str, *options: str) -> Done:
    """`assay policy diff` where `import torch` finds this source."""
    (tmp_path / "torch.py").write_text(source)
    return assay("policy", "diff", *options, cwd=tmp_path, PYTHONPATH=f"{tmp_path}:{ROOT}")


def test_diff_with_the_installed_torch_finds_nothing(tmp_path: Path) -> None:
    done = assay("policy", "diff", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"table: torch {made_for()}; installed: torch {made_for()}")
    assert "no difference" in done.out


def test_diff_with_another_torch_says_what_is_new_and_what_to_look_at(tmp_path: Path) -> None:
    done = diff_with(tmp_path, NEWER)
    assert done.code == 1
    assert "installed: torch 9.9.0" in done.out
    assert "new: torch.transform (function): Transform it.; writes into out; may call fn" in done.out
    assert "gone: torch.abs" in done.out
    assert "policies/data" in done.out


def test_diff_as_json_names_both_versions(tmp_path: Path) -> None:
    found = diff_with(tmp_path, NEWER, "--format", "json").json
    assert (found["table"], found["installed"]) == (made_for(), "9.9.0")
    assert found["new"] == [
        {
            "name": "torch.transform",
            "kind": "function",
            "summary": "Transform it.",
            "look_at": ["writes into out", "may call fn"],
        }
    ]
    assert "torch.linalg.svd" in found["gone"]
    assert found["contradictory"] == []


def test_diff_without_torch_is_one_message_with_a_remedy(tmp_path: Path) -> None:
    done = diff_with(tmp_path, "raise ModuleNotFoundError(\"No module named 'torch'\")")
    assert done.code == 3
    assert "No module named 'torch'" in done.err
    assert "-> install" in done.err
    assert "Traceback" not in done.err


def test_table_says_of_every_name_whether_and_why(tmp_path: Path) -> None:
    done = assay("policy", "table", cwd=tmp_path)
    assert done.code == 0
    assert f"torch.load: denied: {denied().reasons['torch']['load']}" in done.out.splitlines()
    assert f"torch.abs: permitted: {permitted().reasons['torch']['abs']}" in done.out.splitlines()


def test_table_as_json_has_one_entry_per_name(tmp_path: Path) -> None:
    found = assay("policy", "table", "--format", "json", cwd=tmp_path).json
    assert found["torch"] == made_for()
    names = [(entry["namespace"], entry["name"]) for entry in found["names"]]
    assert len(names) == len(set(names)) > 1000
    assert {"namespace", "name", "verdict", "reason"} == found["names"][0].keys()


def test_table_as_markdown_is_the_document(tmp_path: Path) -> None:
    done = assay("policy", "table", "--format", "markdown", cwd=tmp_path)
    assert done.out == (ROOT / "docs" / "torch-table.md").read_text()


@pytest.mark.parametrize("command", ["diff", "table"])
def test_help_shows_an_example(tmp_path: Path, command: str) -> None:
    done = assay("policy", command, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"Example:  assay policy {command} " in done.out
