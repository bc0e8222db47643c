"""What all ways are measured on: the same programs, the same small models, the same limits. Runs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from orchestrator.candidate import Admitted, Proposed, Screened, Unchecked, source_digest
from orchestrator.config import RunConfig, parse_config
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from sandbox_image.protocol import ScreenJob

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "fixtures" / "programs"
ATTACKS = ROOT / "tests" / "attacks" / "container"
NAMES = ("add", "sub", "mul")
PROFILE = "strict"
PARALLEL = 2
_HIDDEN, _MLP, _LAYERS, _ROWS = 16, 32, 2, 64

# Full runs: attack programs of several kinds that end by themselves or with a short deadline.
ATTACKERS = (
    "escape/unshare",
    "filesystem/write_everywhere",
    "inputs/write",
    "lifetime/abort",
    "lifetime/crash",
    "lifetime/daemonise",
    "lifetime/hang_in_c",
    "lifetime/kill_all",
    "messages/flood_stdout",
    "messages/success_twice",
    "network/connect",
    "output/nan",
    "output/truncate",
    "resources/fork_bomb",
    "resources/memory_at_once",
)
_HEAD = "import torch\n\ndef merge_models(model_dict, device):\n"
# Screening: faults that the policy's text cannot foresee.
HOSTILE = (
    _HEAD + "    raise ValueError('no')\n",
    _HEAD + "    while True:\n        pass\n",
    _HEAD + "    return torch.zeros(10 ** 11)\n",
    _HEAD + "    for i in range(20000):\n        print('x' * 100)\n    return torch.zeros(1)\n",
    _HEAD + "    return [0] * (10 ** 9)\n",
    _HEAD + "    return getattr(torch, 'lo' + 'ad')('x')\n",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Models, configuration and image that every part uses."""

    config: RunConfig
    inputs: MergeInputs
    image_id: str
    folder: Path


def prepare(folder: Path) -> Bench:
    """Write the models and look up the image."""
    seed = _model(folder / "seed", 0)
    candidates = {name: _model(folder / name, number) for number, name in enumerate(NAMES, start=1)}
    config = parse_config(
        {
            "name": "bench",
            "models": {"seed": str(seed), "candidates": {name: str(path) for name, path in candidates.items()}},
            "container": {"parallel": PARALLEL},
        },
        source="bench",
    )
    inputs = resolve_inputs(seed, candidates, config.models.include)
    return Bench(config=config, inputs=inputs, image_id=engine_facts(config.image.name).image_id, folder=folder)


@contextmanager
def sandbox(bench: Bench) -> Iterator[DockerSandbox]:
    """Open Assay's own sandbox on the bench's models."""
    work = bench.folder / "work"
    mounts = bench.inputs.mounts
    with DockerSandbox(bench.config, image_id=bench.image_id, mounts=mounts, run_id="bench", work_dir=work) as opened:
        yield opened


def sources(count: int) -> list[str]:
    """Return that many distinct harmless programs: the fixtures in turn, each with a comment of its own."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(PROGRAMS.glob("*.py"))]
    return [f"{text}\n# {number}\n" for number, text in zip(range(count), itertools.cycle(texts), strict=False)]


def screen_job(number: int, source: str, seconds: float) -> ScreenJob:
    """Return a cell's job for one program."""
    return ScreenJob(
        id=f"bench-{number}",
        source=source,
        program_digest=source_digest(source),
        profile=PROFILE,
        seed=0,
        candidate_names=NAMES,
        timeout_seconds=seconds,
    )


def screened(number: int, source: str) -> Screened:
    """Return a program as check and screening would have passed it on."""
    return Screened(
        admitted=Admitted(proposed=_proposed(number, source), policy_digest="", ast_digest=""), fingerprint=""
    )


def unchecked(number: int, source: str) -> Unchecked:
    """Return a program that runs without policy."""
    return Unchecked(proposed=_proposed(number, source))


def plain_job(bench: Bench, kind: str, source: str, output: str) -> dict[str, Any]:
    """Return the job of `inside.py` for the same work."""
    return {
        "kind": kind,
        "source": source,
        "names": list(NAMES),
        "seed_files": list(bench.inputs.seed.container_paths),
        "candidate_files": [[model.name, list(model.container_paths)] for model in bench.inputs.candidates],
        "tensors": [asdict(spec) for spec in bench.inputs.tensors],
        "output": output,
    }


def _proposed(number: int, source: str) -> Proposed:
    return Proposed(id=f"bench-{number}", iteration=1, index=number, source=source, digest=source_digest(source))


def _model(folder: Path, number: int) -> Path:
    """Write a model of the shape of a tiny Llama; variants are the seed with noise."""
    folder.mkdir(parents=True)
    base, noise = (torch.Generator().manual_seed(value) for value in (0, number))
    weights = {}
    for name, shape in _shapes():
        tensor = torch.randn(shape, generator=base) * 0.2
        weights[name] = tensor + (0.05 * torch.randn(shape, generator=noise) if number else 0.0)
    file = folder / "model.safetensors"
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # for whatever user reads it in a container
    (folder / "config.json").write_text(f'{{"model_type": "llama", "num_hidden_layers": {_LAYERS}}}')
    return folder


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "model.embed_tokens.weight", (_ROWS, _HIDDEN)
    for layer in range(_LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (_HIDDEN,)
        for part in "qkvo":
            yield f"{prefix}self_attn.{part}_proj.weight", (_HIDDEN, _HIDDEN)
        yield prefix + "mlp.gate_proj.weight", (_MLP, _HIDDEN)
        yield prefix + "mlp.up_proj.weight", (_MLP, _HIDDEN)
        yield prefix + "mlp.down_proj.weight", (_HIDDEN, _MLP)
        yield prefix + "post_attention_layernorm.weight", (_HIDDEN,)
    yield "model.norm.weight", (_HIDDEN,)
