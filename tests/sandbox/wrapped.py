"""What the tests of bubblewrap share: programs, a sandbox of other settings, a run, and what is left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.candidate import Proposed, Ran, Rejection, Unchecked, source_digest
from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.own_cgroup import PREFIX, places
from orchestrator.stages.run import run_program

MEAN = "def merge_models(model_dict, device):\n    print('hello \\x1b[31m')\n    return sum(model_dict.values()) / 3\n"
SLEEP = "import time\n\n\ndef merge_models(model_dict, device):\n    time.sleep(600)\n"
TOLD = "def merge_models(model_dict, device):\n    raise ValueError({expression})\n"
HOG = "def merge_models(model_dict, device):\n    kept = [bytearray(2**26) for _ in range(100)]\n"
FORKS = """import os, time
def merge_models(model_dict, device):
    while True:
        if os.fork() == 0:
            time.sleep(600)
"""
SEEDED = (
    "import torch\ndef merge_models(model_dict, device, generator):\n"
    "    t = model_dict['add']\n    return t * torch.rand(t.shape, generator=generator)\n"
)

Sandbox = BubblewrapSandbox | DockerSandbox


def another(config: RunConfig, inputs: MergeInputs, work_dir: Path, *, walls: bool = True, **changes: Any) -> Any:
    changed = config.model_copy(update={"container": config.container.model_copy(update=changes)})
    return BubblewrapSandbox(changed, mounts=inputs.mounts, run_id="test", work_dir=work_dir, walls=walls)


def run(
    source: str,
    sandbox: Sandbox,
    inputs: MergeInputs,
    *,
    observe: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
) -> Ran | Rejection:
    proposed = Proposed(id="x-000", iteration=1, index=0, source=source, digest=source_digest(source))
    return run_program(
        Unchecked(proposed=proposed),
        sandbox=sandbox,
        inputs=inputs,
        seed=7,
        device="cpu",
        profile="strict",
        observe=observe,
    )


def told(expression: str, sandbox: Sandbox, inputs: MergeInputs) -> str:
    """Return what an expression gives inside."""
    outcome = run(TOLD.format(expression=expression), sandbox, inputs)
    assert isinstance(outcome, Rejection)
    return outcome.detail


def cgroups_left() -> list[str]:
    return [path.name for place in places() for folder in place.folders for path in folder.glob(f"{PREFIX}*")]


def children() -> int:
    """Count this process's children, whichever of its threads made them."""
    count = 0
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ends just now
            count += len((thread / "children").read_text().split())
    return count
