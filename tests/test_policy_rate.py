"""The measured rate counts what becomes of programs; and the held-out ordinary ones do survive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import policy_rate

MERGE = "import torch\ndef merge_models(model_dict, device):\n    {}\n"
KINDS = {
    "identical": "return sum(model_dict.values())",
    "refused": "return torch.empty_like(model_dict['math'])[:0]",
    "ended": "x = range(2)\n    n = 10**10\n    return model_dict['math'] * len(range(n))",
    "unfit": "return torch.mean(model_dict['math'], dim=7)",
}


@pytest.mark.parametrize("kind", KINDS)
def test_program_is_counted_by_what_becomes_of_it(kind: str) -> None:
    assert policy_rate.judge("it", MERGE.format(KINDS[kind])).outcome == kind


def test_program_that_computes_something_else_under_guards_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = policy_rate.guarded
    monkeypatch.setattr(policy_rate, "guarded", lambda source, shape: guarded(source, shape) + 1)
    assert policy_rate.judge("it", MERGE.format(KINDS["identical"])).outcome == "differs"


def test_unfit_programs_do_not_count_and_other_measurements_stay(tmp_path: Path) -> None:
    for kind, line in KINDS.items():
        (tmp_path / f"{kind}.py").write_text(MERGE.format(line))
    for label in ("before", "after", "after"):
        policy_rate.main(["--programs", str(tmp_path), "--results", str(tmp_path), "--label", label])
    found = json.loads((tmp_path / "policy_rate.json").read_text())
    assert [(one["label"], one["fit"], one["rate"]) for one in found] == [("before", 3, 1 / 3), ("after", 3, 1 / 3)]
    assert [one["rate_within_contract"] for one in found] == [1 / 2, 1 / 2]
    assert "`refused`: refused, by contract. line 3:" in (tmp_path / "policy_rate.md").read_text()


def test_no_programs_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found none"):
        policy_rate.measure(tmp_path, "current")


@pytest.mark.parametrize("folder", policy_rate.SETS, ids=lambda folder: folder.name)
def test_ordinary_programs_survive(folder: Path) -> None:
    found = policy_rate.measure(folder, "current")
    assert found["programs"] >= 45
    assert found["rate_within_contract"] >= 0.95, found["not_identical"]


def test_refusal_that_only_this_dialect_makes_is_not_by_contract() -> None:
    refused = "match 1:\n        case 1:\n            pass\n    return model_dict['math']"
    found = policy_rate.judge("it", MERGE.format(refused))
    assert (found.outcome, found.by_contract) == ("refused", False)


def test_program_that_switches_gradients_off_leaves_them_on_for_the_next() -> None:
    policy_rate.judge("it", MERGE.format("torch.set_grad_enabled(False)\n    return model_dict['math']"))
    assert torch.is_grad_enabled()
