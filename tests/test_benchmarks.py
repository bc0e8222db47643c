"""The benchmarks run and write their tables. How fast anything is, no test asserts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT


@pytest.mark.docker
def test_the_smallest_benchmark_writes_what_it_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.sandbox", "--small", "--parts", "screen,run", "--results", tmp_path]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=ROOT, env=quiet, check=True, capture_output=True)
    found = json.loads((tmp_path / "sandbox.json").read_text())
    for part in ("screen", "run"):
        rates = [found[part]["ours"], *found[part]["plain"]["at"].values()]
        assert [(rate["ok"], rate["error"]) for rate in rates] == [(rate["count"], "") for rate in rates]
    assert "From program handed over to program running" in (tmp_path / "sandbox.md").read_text()


def test_the_policy_s_benchmark_writes_what_it_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.policy", "--small", "--results", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "policy.json").read_text())
    assert all(rate["programs"] > 0 and rate["per_second"] > 0 for rate in found["checks"].values())
    assert (tmp_path / "policy.md").read_text().startswith("# The policy's speed")
    assert len(found["starts"]) == 3
