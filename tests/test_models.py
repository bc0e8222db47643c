"""Models are opened by their headers, and what does not fit is named by tensor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from orchestrator.errors import ModelError
from orchestrator.models import Watch, resolve_inputs


def model(folder: Path, **tensors: torch.Tensor) -> Path:
    folder.mkdir()
    save_file({name.replace("_", "."): tensor for name, tensor in tensors.items()}, folder / "model.safetensors")
    return folder


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    return model(tmp_path / "seed", a_weight=torch.zeros(2, 3), b_weight=torch.zeros(4), c_steps=torch.zeros(1).long())


def test_the_layout_covers_the_floating_tensors_without_gaps(seed: Path) -> None:
    inputs = resolve_inputs(seed, {"other": seed}, ("*",))
    assert [(spec.name, spec.shape, spec.offset, spec.nbytes) for spec in inputs.tensors] == [
        ("a.weight", (2, 3), 0, 24),
        ("b.weight", (4,), 24, 16),
    ]
    assert inputs.output_bytes == 40


def test_include_patterns_choose_tensors(seed: Path) -> None:
    assert [spec.name for spec in resolve_inputs(seed, {"other": seed}, ("b.*",)).tensors] == ["b.weight"]


def test_patterns_that_match_nothing_are_refused(seed: Path) -> None:
    with pytest.raises(ModelError, match="matches no floating tensor"):
        resolve_inputs(seed, {"other": seed}, ("mlp.*",))


def test_the_first_differing_tensor_is_named(seed: Path, tmp_path: Path) -> None:
    other = model(
        tmp_path / "other", a_weight=torch.zeros(2, 3), b_weight=torch.zeros(5), c_steps=torch.zeros(1).long()
    )
    with pytest.raises(ModelError, match=r"tensor b\.weight: expected F32 \[4\].*found F32 \[5\]"):
        resolve_inputs(seed, {"other": other}, ("*",))


def test_a_missing_tensor_is_named(seed: Path, tmp_path: Path) -> None:
    other = model(tmp_path / "other", a_weight=torch.zeros(2, 3), c_steps=torch.zeros(1).long())
    with pytest.raises(ModelError, match=r"tensor b\.weight: .*found no such tensor"):
        resolve_inputs(seed, {"other": other}, ("*",))


def test_a_directory_without_safetensors_says_what_is_never_loaded(seed: Path, tmp_path: Path) -> None:
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="pickled weights"):
        resolve_inputs(seed, {"pickled": tmp_path / "pickled"}, ("*",))


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 8, (10).to_bytes(8, "little") + b"not json..", b"\x02" + b"\0" * 7 + b"[]"]
)
def test_a_file_that_is_no_safetensors_is_named(seed: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelError, match="not a safetensors file"):
        resolve_inputs(seed, {"odd": tmp_path / "odd"}, ("*",))


@pytest.mark.parametrize("name", ["../up", "seed", "", "a b"])
def test_candidate_names_that_would_make_odd_paths_are_refused(seed: Path, name: str) -> None:
    with pytest.raises(ModelError, match="candidate name"):
        resolve_inputs(seed, {name: seed}, ("*",))


def changed(folder: Path) -> None:
    """Change one byte of a model's file and put its times back, as somebody would who does not want to be seen."""
    file = folder / "model.safetensors"
    stat, data = file.stat(), bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_models_that_nobody_touched_are_not_read_again(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(resolve_inputs(seed, {"other": seed}, ("*",)))
    monkeypatch.setattr("orchestrator.models._sha256", lambda path: pytest.fail(f"{path} was read"))
    watch.require()


def test_a_touched_file_with_the_same_bytes_is_read_once_and_let_pass(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(resolve_inputs(seed, {"other": seed}, ("*",)))
    (seed / "model.safetensors").touch()
    watch.require()
    monkeypatch.setattr("orchestrator.models._sha256", lambda path: pytest.fail(f"{path} was read"))
    watch.require()


def test_weights_that_changed_after_they_were_digested_are_named(seed: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(seed, tmp_path / "other"))
    inputs = resolve_inputs(seed, {"other": other}, ("*",))
    changed(other)
    with pytest.raises(ModelError, match=f"model other: .*expected sha256 {inputs.candidates[0].sha256[0]}"):
        Watch(inputs).require()
    shutil.rmtree(other)
    with pytest.raises(ModelError, match="No such file"):
        Watch(inputs).require()
