"""What tests of several folders share: tiny models on disk, and a sandbox on the real engine.

Tests that need the engine are marked `docker`. They run by default and fail where there is no engine, with
the remedy; ASSAY_TEST_NO_ENGINE=1 leaves them out.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.candidate import Proposed, source_digest
from orchestrator.config import RunConfig, parse_config
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.facts import SANDBOX_IMAGE
from tests.commands import assay
from tests.engine import PrivateEngine, private_engine
from tests.lab_runs import smallest_config
from tests.tiny import make_tiny, make_variant

NAMES = ("add", "sub", "mul")
TIMEOUT_SECONDS = 4.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs an engine, where that was asked for."""
    if os.environ.get("ASSAY_TEST_NO_ENGINE") == "1":
        for item in items:
            if item.get_closest_marker("docker"):
                item.add_marker(pytest.mark.skip(reason="needs an engine: unset ASSAY_TEST_NO_ENGINE"))


@pytest.fixture(scope="session", autouse=True)
def own_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let ledgers be signed with a key of the tests; the user's is neither made nor used."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("keys")
        patch.setenv("ASSAY_KEYS", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A seed of two layers and three variants of it: name -> model directory."""
    folder = tmp_path_factory.mktemp("models")
    models = {"seed": make_tiny(folder / "seed", hidden=16, mlp=32)}
    for number, name in enumerate(NAMES, start=1):
        models[name] = make_variant(models["seed"], folder / name, seed=number)
    return models


@pytest.fixture(scope="session")
def tiny_config(tiny_models: dict[str, Path]) -> RunConfig:
    """A configuration that merges them, with limits that make attacks end soon."""
    seed, candidates = str(tiny_models["seed"]), {name: str(tiny_models[name]) for name in NAMES}
    return parse_config(
        {
            "name": "test",
            "allow_no_policy": True,
            "models": {"seed": seed, "candidates": candidates, "include": ["*.mlp.*", "*norm*"]},
            "image": {"name": os.environ.get("ASSAY_IMAGE", SANDBOX_IMAGE)},
            "container": {"memory_mb": 512, "timeout_seconds": TIMEOUT_SECONDS, "tmpfs_mb": 2, "pids": 16},
            "screen": {"timeout_seconds": TIMEOUT_SECONDS, "programs_per_cell": 16},
        },
        source="test",
    )


@pytest.fixture(scope="session")
def tiny_inputs(tiny_models: dict[str, Path], tiny_config: RunConfig) -> MergeInputs:
    """The same models, opened: MLP weights and norms are merged."""
    return resolve_inputs(tiny_models["seed"], {name: tiny_models[name] for name in NAMES}, tiny_config.models.include)


@pytest.fixture(scope="module")
def docker_sandbox(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DockerSandbox]:
    """A sandbox on the real engine; its folder is `work_dir`."""
    facts = engine_facts(tiny_config.image.name)
    assert facts.reachable, f"{facts.error}; {facts.remedy}, or set ASSAY_TEST_NO_ENGINE=1"
    assert facts.image_id, f"no image {tiny_config.image.name}: run `make image`, or set ASSAY_TEST_NO_ENGINE=1"
    work_dir = tmp_path_factory.mktemp("sandbox") / "work"
    with DockerSandbox(
        tiny_config, image_id=facts.image_id, mounts=tiny_inputs.mounts, run_id="test", work_dir=work_dir
    ) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def one_private_engine(tiny_config: RunConfig) -> Iterator[PrivateEngine]:
    """A second engine, for all tests that break theirs; it also has a runtime that starts nothing."""
    with private_engine(tiny_config.image.name, "--add-runtime", "broken=/bin/false") as engine:
        yield engine


@pytest.fixture
def own_engine(
    one_private_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[PrivateEngine]:
    """That engine, running, empty, and the one that Assay finds; with a cache of its own."""
    monkeypatch.setenv("DOCKER_HOST", one_private_engine.address)
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    yield one_private_engine
    one_private_engine.make_good()
    gc.collect()  # sockets that docker-py dropped: while the test's own filter of warnings holds


@pytest.fixture(scope="session")
def unkilled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One finished run, the smallest there is, and the configuration that it was started with beside it."""
    folder = tmp_path_factory.mktemp("unkilled")
    done = assay("run", smallest_config(folder), "--run-dir", folder / "run", cwd=folder)
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture
def propose() -> Callable[[str], Proposed]:
    """Make a program from source."""

    def make(source: str, name: str = "x-000") -> Proposed:
        return Proposed(id=name, iteration=1, index=0, source=source, digest=source_digest(source))

    return make
