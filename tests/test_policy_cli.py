"""`assay policy` as a user meets it: against the installed torch, against another one, and without any."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.findings import RULES
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


def test_list_has_a_line_per_rule(tmp_path: Path) -> None:
    done = assay("policy", "list", cwd=tmp_path)
    assert done.code == 0
    assert {line.split()[0] for line in done.out.splitlines()} == {*RULES, "syntax:", "policy:", "contract:"}


def test_list_is_there_for_programs(tmp_path: Path) -> None:
    found = assay("policy", "list", "--format", "json", cwd=tmp_path).json
    assert [rule["id"] for rule in found] == list(RULES)


def test_show_explains_a_rule_with_both_programs(tmp_path: Path) -> None:
    done = assay("policy", "show", "policy.member", cwd=tmp_path)
    assert done.code == 0
    for part in (RULES["policy.member"], "Refused:", "torch.load", "Instead:"):
        assert part in done.out


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["torch.load"], "member torch.load: refused"),
        (["Tensor.numpy"], "attribute Tensor.numpy: refused"),
        (["builtin", "eval"], "builtin eval: refused"),
        (["torch.linalg.svd"], "member torch.linalg.svd: permitted"),
    ],
)
def test_show_says_of_a_name_whether_it_is_permitted(tmp_path: Path, asked: list[str], answer: str) -> None:
    done = assay("policy", "show", *asked, cwd=tmp_path)
    assert (done.code, done.out.splitlines()[0]) == (0, answer)
    assert "why: " in done.out
    as_json = assay("policy", "show", *asked, "--format", "json", cwd=tmp_path).json
    assert as_json[0]["permitted"] == answer.endswith("permitted")


def test_show_speaks_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text('name = "narrow"\n[remove]\ntorch = "mean"\n')
    done = assay("policy", "show", "torch.mean", "--profile", "narrow.toml", cwd=tmp_path)
    assert done.out.startswith("member torch.mean: refused")
    assert assay("policy", "show", "torch.mean", "--profile", "absent.toml", cwd=tmp_path).code == 2


def test_show_of_an_unknown_rule_is_a_usage_error(tmp_path: Path) -> None:
    done = assay("policy", "show", "policy.nothing", cwd=tmp_path)
    assert done.code == 2
    assert "assay policy list" in done.err


def test_show_of_a_hostile_name_reaches_no_terminal(tmp_path: Path) -> None:
    done = assay("policy", "show", "\x1b[2J\u202e", cwd=tmp_path)
    assert all(line.isprintable() for line in done.out.splitlines())
