"""Where the lab is kept, what its references mean, and what is left when a build breaks off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator import lab
from orchestrator.cache import cache_dir
from orchestrator.errors import PreflightError, UsageError
from orchestrator.lab.build import FACTS, digests
from orchestrator.lab.recipe import RECIPE, Recipe


def finish(out: Path) -> None:
    """Write the least that counts as a finished lab."""
    (out / "dev.jsonl").write_text("{}\n")
    (out / FACTS).write_text(json.dumps({"sha256": digests(out)}))


def test_the_variable_names_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path


def test_a_relative_xdg_cache_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert cache_dir() == Path.home() / ".cache" / "assay"


def test_other_references_are_paths() -> None:
    assert lab.resolve("models/mine") == Path("models/mine")


def test_an_unknown_model_is_refused_before_anything_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="lab:expert-div"):
        lab.resolve("lab:expert-div")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_build_leaves_no_half_made_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(recipe: Recipe, out: Path, progress: lab.Progress) -> None:
        (out / "seed").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(lab, "build", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.ensure(tmp_path)
    assert [path.suffix for path in (tmp_path / "lab").iterdir()] == [".lock"]


def test_a_finished_lab_is_not_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built = []

    def build(recipe: Recipe, out: Path, progress: lab.Progress) -> None:
        built.append(out)
        finish(out)

    monkeypatch.setattr(lab, "build", build)
    assert lab.ensure(tmp_path) == lab.ensure(tmp_path)
    assert len(built) == 1


def test_a_damaged_lab_is_built_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lab, "build", lambda recipe, out, progress: finish(out))
    made = lab.ensure(tmp_path)
    made.dev.write_text("changed\n")
    assert lab.ensure(tmp_path).dev.read_text() == "{}\n"


def test_a_cache_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PreflightError, match="ASSAY_CACHE"):
        lab.ensure(tmp_path / "file")


def test_a_changed_number_changes_the_digest() -> None:
    assert Recipe(seed=RECIPE.seed + 1).digest != RECIPE.digest
