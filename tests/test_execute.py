"""What `assay exec` refuses before any stage, and that a custom policy profile reaches all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.candidate import Proposed, Reason
from orchestrator.config import RunConfig, parse_config
from orchestrator.execute import _unreadable, execute_programs
from orchestrator.ledger import FILE_NAME, read
from orchestrator.models import MergeInputs
from policies.limits import MAX_SOURCE_BYTES
from policies.profiles import read as read_profile


def test_a_program_that_was_read_only_in_part_is_too_large(propose: Callable[[str], Proposed]) -> None:
    rejection = _unreadable(propose("x"), b"#" * (MAX_SOURCE_BYTES + 1))
    assert rejection is not None
    assert rejection.reason is Reason.SYNTAX
    assert str(MAX_SOURCE_BYTES) in rejection.detail


def test_a_program_of_the_largest_size_is_readable(propose: Callable[[str], Proposed]) -> None:
    assert _unreadable(propose("x"), b"#" * MAX_SOURCE_BYTES) is None


def test_the_byte_that_is_no_text_is_named(propose: Callable[[str], Proposed]) -> None:
    rejection = _unreadable(propose("x"), b"x = '\xff'")
    assert rejection is not None
    assert "0xff at 5" in rejection.detail


@pytest.mark.docker
def test_a_custom_profile_holds_on_both_sides_and_what_it_allows_is_in_every_event(
    tiny_config: RunConfig, tmp_path: Path
) -> None:
    text = 'name = "ours"\nunsafe_why = "a test"\n[remove]\nbuiltins = "print"\n[unsafe_allow]\nTensor = "new_empty"\n'
    config = parse_config({**tiny_config.model_dump(mode="json"), "policy": read_profile(text)}, source="test")
    sources = {
        "allowed.py": "v = next(iter(m.values()))\n    return v.new_empty(v.shape).copy_(v * 0.5)",
        "removed.py": "print(1)\n    return next(iter(m.values()))",
    }
    programs = [(Path(name), f"def merge_models(m, d):\n    {body}\n".encode()) for name, body in sources.items()]
    run_dir = tmp_path / "run"
    rows = execute_programs(config, programs, out=None, no_policy=False, run_dir=run_dir, say=lambda _: None)
    assert [(row["verdict"], row.get("reason")) for row in rows] == [("verified", None), ("rejected", "policy")]
    events = [line for line in (run_dir / FILE_NAME).read_text().splitlines() if not line.startswith('{"$commit"')]
    lines = [json.loads(line) for line in events]
    assert {tuple(line["host"]["weakened"]) for line in lines} == {("policy allows Tensor.new_empty",)}
    assert {line["data"]["profile"] for line in lines if line["type"] == "policy.evaluated"} == {"ours"}
    assert lines[1]["data"]["config"]["policy"] == read_profile(text)


@pytest.mark.docker
def test_the_models_are_on_record_in_their_order(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    programs = [(Path("none.py"), b"import os")]
    list(execute_programs(tiny_config, programs, out=None, no_policy=False, run_dir=tmp_path / "run", say=print))
    data = next(entry.data for entry in read(tmp_path / "run" / FILE_NAME) if entry.type == "inputs.resolved")
    assert [model["name"] for model in data["candidates"]] == [model.name for model in tiny_inputs.candidates]
    assert data["seed"]["files"] == [{"name": "model.safetensors", "sha256": tiny_inputs.seed.sha256[0]}]
    assert (data["task"], data["dev_items"], data["test_sha256"]) == ("", 0, "")
