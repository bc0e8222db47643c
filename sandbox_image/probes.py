"""The fixed tensors that every program is tried on, and the fingerprint of what it makes of them.

Small, and shaped like a Llama's parameters. Ordinary probes are what any merging program must survive;
degenerate ones (zeros, identical models, another order) only tell programs apart. Nothing here is a
measure of quality.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

NUM_LAYERS = 4
_SEED = 20_250_410
_SCALE = 0.02  # of a task vector's element, as fine-tuning leaves them
_PARAMETERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("model.layers.0.mlp.up_proj.weight", (48, 32)),
    ("model.layers.1.mlp.down_proj.weight", (32, 48)),
    ("model.layers.3.self_attn.q_proj.weight", (32, 32)),
    ("model.embed_tokens.weight", (64, 32)),
    ("model.layers.2.input_layernorm.weight", (128,)),
)
_PROJECTIONS = 3
_DIGITS = 4  # decimals of a projection relative to the norm: float32 noise stays far below


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One call: a parameter, its seed value and the candidates' task vectors (float32, CPU)."""

    label: str
    name: str
    base: torch.Tensor
    task_vectors: dict[str, torch.Tensor]
    ordinary: bool


def probes(candidate_names: Sequence[str], ranks: Sequence[int]) -> Iterator[Probe]:
    """Yield the probes for these candidate names; fresh tensors at every call.

    A probe whose number of dimensions is not in `ranks` (the run merges no such tensor) is not ordinary.
    """
    generator = torch.Generator().manual_seed(_SEED)
    for name, shape in _PARAMETERS:
        base = torch.randn(shape, generator=generator)
        vectors = {key: torch.randn(shape, generator=generator) * _SCALE for key in candidate_names}
        ordinary = len(shape) in ranks
        yield Probe(label=f"random {name}", name=name, base=base, task_vectors=vectors, ordinary=ordinary)
    name, shape = _PARAMETERS[0]
    for label, vectors in _degenerate(shape, candidate_names, generator):
        base = torch.randn(shape, generator=generator)
        yield Probe(label=label, name=name, base=base, task_vectors=vectors, ordinary=False)


def _degenerate(
    shape: tuple[int, ...], names: Sequence[str], generator: torch.Generator
) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    same = torch.randn(shape, generator=generator) * _SCALE
    yield "zeros", {key: torch.zeros(shape) for key in names}
    yield "identical models", {key: same.clone() for key in names}
    yield "reordered models", {key: torch.randn(shape, generator=generator) * _SCALE for key in reversed(names)}
    yield "scaled models", {key: same * (index + 1.0) for index, key in enumerate(names)}


def summary(result: torch.Tensor) -> list[str]:
    """Return norm and a few fixed projections of a result, rounded so that float noise does not show.

    Projections instead of elements: of thousands of rounded elements, one would lie on an edge.
    """
    flat = result.detach().to(torch.float64).flatten()
    norm = float(flat.norm())
    if not math.isfinite(norm) or norm == 0.0:
        return [str(norm)]
    generator = torch.Generator().manual_seed(_SEED + 1)
    values = [
        float(flat @ torch.randn(flat.numel(), generator=generator).to(torch.float64)) for _ in range(_PROJECTIONS)
    ]
    return [f"{norm:.4e}", *(f"{round(value / norm, _DIGITS) + 0.0:.{_DIGITS}f}" for value in values)]


def fingerprint(summaries: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return the sha256 (hex) over (probe label, summary) pairs."""
    text = json.dumps([[label, list(values)] for label, values in summaries], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
