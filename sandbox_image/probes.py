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
from functools import cache

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
_PREPARED_MODELS = 8  # seed and candidates of a usual run; more are made where they are needed
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


def prepare() -> None:
    """Make what does not depend on a program once, so that the children of a cell share it."""
    for number in range(_PREPARED_MODELS):
        for _, shape in _PARAMETERS:
            _random(shape, number)
    for _, shape in _PARAMETERS:
        _projections(math.prod(shape))


def probes(candidate_names: Sequence[str], ranks: Sequence[int]) -> Iterator[Probe]:
    """Yield the probes for these candidate names; fresh tensors at every call.

    A probe whose number of dimensions is not in `ranks` (the run merges no such tensor) is not ordinary.
    """
    for name, shape in _PARAMETERS:
        vectors = {key: _random(shape, number) * _SCALE for number, key in enumerate(candidate_names, start=1)}
        ordinary = len(shape) in ranks
        label = f"random {name}"
        yield Probe(label=label, name=name, base=_random(shape, 0).clone(), task_vectors=vectors, ordinary=ordinary)
    name, shape = _PARAMETERS[0]
    for label, vectors in _degenerate(shape, candidate_names):
        yield Probe(label=label, name=name, base=_random(shape, 0).clone(), task_vectors=vectors, ordinary=False)


def _degenerate(shape: tuple[int, ...], names: Sequence[str]) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    same = _random(shape, 1) * _SCALE
    yield "zeros", {key: torch.zeros(shape) for key in names}
    yield "identical models", {key: same.clone() for key in names}
    yield "reordered models", {key: _random(shape, number) * _SCALE for number, key in enumerate(reversed(names))}
    yield "scaled models", {key: same * (index + 1.0) for index, key in enumerate(names)}


def summary(result: torch.Tensor) -> list[str]:
    """Return norm and a few fixed projections of a result, rounded so that float noise does not show.

    Projections instead of elements: of thousands of rounded elements, one would lie on an edge.
    """
    flat = result.detach().to(torch.float64).flatten()
    norm = float(flat.norm())
    if not math.isfinite(norm) or norm == 0.0:
        return [str(norm)]
    values = [float(flat @ direction) for direction in _projections(flat.numel())]
    return [f"{norm:.4e}", *(f"{round(value / norm, _DIGITS) + 0.0:.{_DIGITS}f}" for value in values)]


@cache
def _random(shape: tuple[int, ...], number: int) -> torch.Tensor:
    """Return the fixed tensor of this shape and number. Shared: copied before a program gets it."""
    seed = (_SEED, *shape, number)
    generator = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(repr(seed).encode()).digest()[:7], "big"))
    return torch.randn(shape, generator=generator)


@cache
def _projections(size: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(_SEED + 1)
    return tuple(torch.randn(size, generator=generator).to(torch.float64) for _ in range(_PROJECTIONS))


def fingerprint(summaries: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return the sha256 (hex) over (probe label, summary) pairs."""
    text = json.dumps([[label, list(values)] for label, values in summaries], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
