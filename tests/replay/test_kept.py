"""Bundles that earlier versions made stay readable, and replay in today's image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.bundle import opened
from orchestrator.config import RunConfig
from orchestrator.replay.again import replay
from orchestrator.replay.original import read_original
from orchestrator.replay.preparing import Request
from orchestrator.replay.results import ReplayResult
from orchestrator.show import one_program, programs_table
from tests.commands import ROOT
from tests.replay.kept import write_models
from tests.replay.recorded import MEAN, RAISES, RANDOM, REFUSED

BUNDLES = sorted((ROOT / "tests" / "fixtures" / "bundles").glob("*.assay"))
MAX_BYTES = 300 * 1024  # what a repository should have to carry for one


@pytest.fixture(params=BUNDLES, ids=lambda path: path.stem)
def unpacked(request: pytest.FixtureRequest) -> Iterator[Path]:
    with opened(request.param) as (folder, _):
        yield folder


def again(folder: Path, models: dict[str, Path], image: str = "") -> ReplayResult:
    request = Request(run_dir=folder, source="kept", programs=("all",), models=models, image=image, stranger=True)
    return replay(request, told=lambda _: None)


def test_there_is_one_and_it_is_small() -> None:
    assert BUNDLES
    assert all(path.stat().st_size < MAX_BYTES for path in BUNDLES)


def test_it_verifies_and_is_shown(unpacked: Path) -> None:
    original = read_original(unpacked)
    assert list(original.programs) == [MEAN, RANDOM, REFUSED, RAISES]
    assert not original.missing
    assert len(programs_table(unpacked)[1]) == 5
    assert any("def merge_models" in line for line in one_program(unpacked, MEAN)[1])


@pytest.mark.docker
def test_without_its_image_it_is_neutral(unpacked: Path, tmp_path: Path) -> None:
    result = again(unpacked, write_models(tmp_path / "models"))
    assert {program.result.value for program in result.programs} in ({"ENV_MISMATCH"}, {"IDENTICAL"})
    assert result.exit_code in (0, 5)


@pytest.mark.docker
def test_in_today_s_image_it_makes_the_same_bits(unpacked: Path, tmp_path: Path, tiny_config: RunConfig) -> None:
    result = again(unpacked, write_models(tmp_path / "models"), tiny_config.image.name)
    assert {program.id: program.result.value for program in result.programs} == dict.fromkeys(
        (MEAN, RANDOM, REFUSED, RAISES), "IDENTICAL"
    ), result.why


def test_without_its_models_it_is_neutral(unpacked: Path, tmp_path: Path) -> None:
    models = write_models(tmp_path / "models")
    path = models["one"] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    result = again(unpacked, models)
    assert {program.result.value for program in result.programs} == {"INPUT_UNAVAILABLE"}
    assert "model one" in result.why
