"""Opens a sandbox of each kind for the attack suites."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from tests.attacks.programs import Place


def open_sandbox(place: Place, config: RunConfig, inputs: MergeInputs, work_dir: Path) -> Sandbox:
    """Return a sandbox of that kind, not yet entered; skip the test where it cannot be had."""
    common: dict[str, Any] = {"mounts": inputs.mounts, "run_id": "attacks", "work_dir": work_dir}
    if place is Place.BUBBLEWRAP:
        module = pytest.importorskip("orchestrator.sandbox.bubblewrap")
        made: Sandbox = module.BubblewrapSandbox(config, walls=True, **common)
        return made
    facts = engine_facts(config.image.name)
    assert facts.reachable, f"{facts.error}; {facts.remedy}, or set ASSAY_TEST_NO_ENGINE=1"
    assert facts.image_id, f"no image {config.image.name}: run `make image`, or set ASSAY_TEST_NO_ENGINE=1"
    walls = place is Place.PRODUCT
    if "walls" in inspect.signature(DockerSandbox).parameters:
        return DockerSandbox(config, image_id=facts.image_id, walls=walls, **common)
    if walls:
        pytest.skip("no second wall yet")
    return DockerSandbox(config, image_id=facts.image_id, **common)
