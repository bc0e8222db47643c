"""Attack 26: what a run began with is exchanged behind it. Named and refused, before anything runs.

Here between the processes that work on one run, and between a record and its replay; under a running program:
tests/test_trial.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config import RunConfig
from orchestrator.ledger import read
from tests.commands import assay
from tests.lab_runs import cut_off, kinds_of, smallest_config

pytestmark = [pytest.mark.docker, pytest.mark.lab]

PROGRAM = "import torch\n\ndef merge_models(model_dict, device):\n    return 0.3 * sum(model_dict.values())\n"
WORK = {"baseline.completed", "candidate.generated", "outputs.verified", "eval.completed"}
MOVED = f"assay-test-moved-{os.getpid()}"  # the tag that is moved


def docker(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(["docker", *arguments], input=stdin, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def images(tiny_config: RunConfig) -> Iterator[tuple[str, str]]:
    """The sandbox image, and another one that was made of it: both say that they hold our sources."""
    other = f"{MOVED}-other"
    docker("build", "-q", "-t", other, "-", stdin=f"FROM {tiny_config.image.name}\nLABEL moved=yes\n")
    yield tiny_config.image.name, other
    for name in (MOVED, other):
        subprocess.run(["docker", "rmi", "-f", name], check=False, capture_output=True)


@pytest.fixture
def begun(tiny_models: dict[str, Path], images: tuple[str, str], tmp_path: Path) -> Path:
    """A run that was killed after its models were recorded."""
    docker("tag", images[0], MOVED)
    for name, path in tiny_models.items():
        shutil.copytree(path, tmp_path / "models" / name)
    items = [{"question": f"{number}?", "answer": f"#### {number}"} for number in range(12)]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    config = smallest_config(
        tmp_path,
        **{
            "lab:seed": str(tmp_path / "models" / "seed"),
            **{f"lab:expert-{name}": str(tmp_path / "models" / name) for name in ("add", "sub", "mul")},
            "programs = 10": "programs = 1",
            "iterations = 2": "iterations = 1",
            'learn = "dpo"': 'learn = "none"',
            'task = "lab"': f'task = "gsm8k"\ndata = "{tmp_path}/items.jsonl"',
            "dev_items = 60": "dev_items = 6",
            "test_items = 60": "test_items = 6",
            "[generate]\n": f'[generate]\nbackend = "scripted"\nscripts = "{tmp_path}/programs"\n',
            "[container]\n": f'[image]\nname = "{MOVED}"\n\n[container]\n',
        },
    )
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "p.py").write_text(PROGRAM)
    cut_off(config, tmp_path / "run", lambda kinds: "inputs.resolved" in kinds, signal.SIGKILL)
    return tmp_path / "run"


def kinds(run_dir: Path) -> list[str]:
    return [entry.type for entry in read(run_dir / "ledger.jsonl")]


def work(run_dir: Path) -> list[str]:
    return [kind for kind in kinds(run_dir) if kind in WORK]


def flip(file: Path) -> None:
    """Change the last bit of a file, and change it back the second time."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def test_an_image_whose_name_was_moved_and_weights_that_were_changed_end_a_resumption_until_they_are_put_back(
    begun: Path, images: tuple[str, str]
) -> None:
    before = [kind for kind in kinds_of(begun) if kind in WORK]  # a torn tail may be among them
    docker("tag", images[1], MOVED)
    done = assay("run", "--resume", begun, cwd=begun.parent)
    assert (done.code, "`sandbox.image_id`" in done.err) == (2, True), done.err
    done_before = work(begun)
    assert done_before == before[: len(done_before)]

    docker("tag", images[0], MOVED)
    weights = begun.parent / "models" / "add" / "model.safetensors"
    flip(weights)
    done = assay("run", "--resume", begun, cwd=begun.parent)
    assert (done.code, "`candidates[0].files[0].sha256`" in done.err) == (2, True), done.err
    assert work(begun) == done_before

    flip(weights)
    done = assay("run", "--resume", begun, cwd=begun.parent)
    assert done.code == 0, done.err
    assert kinds(begun).count("inputs.resolved") == 1
    _replays_in_the_recorded_image(begun, images)
    _does_not_replay_with_other_weights(begun, weights)


def _replays_in_the_recorded_image(run_dir: Path, images: tuple[str, str]) -> None:
    docker("tag", images[1], MOVED)
    done = assay("replay", run_dir, "--json", run_dir.parent / "r.json", cwd=run_dir.parent)
    result = json.loads((run_dir.parent / "r.json").read_text())
    assert (done.code, result["class"]) == (0, "IDENTICAL"), done.err
    recorded = docker("image", "inspect", "-f", "{{.Id}}", images[0])
    assert result["environment"]["here"]["image"] == result["environment"]["recorded"]["image"] == recorded


def _does_not_replay_with_other_weights(run_dir: Path, weights: Path) -> None:
    flip(weights)
    done = assay("replay", run_dir, "--json", run_dir.parent / "r.json", cwd=run_dir.parent)
    program = json.loads((run_dir.parent / "r.json").read_text())["programs"][0]
    assert (done.code, program["class"], program["found"]) == (6, "INPUT_UNAVAILABLE", "")
    assert str(weights) in program["why"]


def test_a_digest_that_the_configuration_names_is_insisted_on(
    tiny_config: RunConfig, images: tuple[str, str], tmp_path: Path
) -> None:
    trusted = docker("image", "inspect", "-f", "{{.Id}}", images[0])
    docker("tag", images[1], MOVED)
    raw = tiny_config.model_dump(mode="json")
    config = tmp_path / "c.toml"
    candidates = "".join(f'{name} = "{path}"\n' for name, path in raw["models"]["candidates"].items())
    config.write_text(
        f'name = "pinned"\n[models]\nseed = "{raw["models"]["seed"]}"\n[models.candidates]\n{candidates}'
        f'[image]\nname = "{MOVED}"\ndigest = "{trusted}"\n'
    )
    (tmp_path / "p.py").write_text(PROGRAM)
    done = assay("exec", tmp_path / "p.py", "--config", config, "--run-dir", tmp_path / "run", cwd=tmp_path)
    assert (done.code, f"expected {trusted}" in done.err) == (3, True), done.err
    assert not (tmp_path / "run").exists()
