"""Opens a sandbox of each kind for the attack suites, or skips with the reason why it cannot be had."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.pooled import PooledSandbox
from tests.attacks.programs import Place

BARE = "ASSAY_TEST_BARE"  # "1" as in `make attacks`: everywhere, the weakest place too, which nobody is to use

in_docker = pytest.mark.docker
PLACES = [
    pytest.param(Place.PRODUCT, marks=in_docker, id="product"),
    pytest.param(Place.OUTER, marks=in_docker, id="outer"),
    pytest.param(Place.BUBBLEWRAP, id="bubblewrap"),
    pytest.param(
        Place.BARE,
        marks=pytest.mark.skipif(os.environ.get(BARE) != "1", reason=f"without {BARE}=1 (`make attacks`)"),
        id="bare",
    ),
]


class BareBubblewrap(BubblewrapSandbox):
    """As on a host where this user may make no cgroup."""

    def _find_place(self) -> None:
        return None


def open_sandbox(place: Place, config: RunConfig, inputs: MergeInputs, work_dir: Path) -> PooledSandbox:
    """Return a sandbox of that kind, not yet entered."""
    common: dict[str, Any] = {"mounts": inputs.mounts, "run_id": "attacks", "work_dir": work_dir}
    if place in (Place.BUBBLEWRAP, Place.BARE):
        if shutil.which("bwrap") is None:
            pytest.skip("bubblewrap is not installed: `make bubblewrap`")
        if place is Place.BARE:
            return BareBubblewrap(config, walls=False, **common)
        return BubblewrapSandbox(config, walls=True, **common)
    facts = engine_facts(config.image.name)
    assert facts.reachable, f"{facts.error}; {facts.remedy}, or set ASSAY_TEST_NO_ENGINE=1"
    assert facts.image_id, f"no image {config.image.name}: run `make image`, or set ASSAY_TEST_NO_ENGINE=1"
    return DockerSandbox(config, image_id=facts.image_id, walls=place is Place.PRODUCT, **common)
