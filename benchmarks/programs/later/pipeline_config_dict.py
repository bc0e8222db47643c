"""Config-driven merging pipeline."""
from __future__ import annotations

from typing import Any, Callable, Final

import torch
from torch import Tensor

CONFIG: Final[dict[str, Any]] = {
    "stages": [
        {"op": "trim", "density": 0.7},
        {"op": "clip", "sigma": 2.5},
        {"op": "rescale"},
    ],
    "reduce": {"kind": "weighted", "temperature": 0.8},
}

Stage = Callable[..., list[Tensor]]


def trim(tensors: list[Tensor], *, density: float) -> list[Tensor]:
    kept = []
    for tensor in tensors:
        k = max(1, round(density * tensor.numel()))
        cutoff = tensor.abs().flatten().topk(k).values[-1]
        kept.append(torch.where(tensor.abs() >= cutoff, tensor, 0.0))
    return kept


def clip(tensors: list[Tensor], *, sigma: float) -> list[Tensor]:
    return [t.clamp(-sigma * (s := t.std()), sigma * s) for t in tensors]


def rescale(tensors: list[Tensor]) -> list[Tensor]:
    target = torch.stack([t.norm() for t in tensors]).mean()
    return [t * (target / t.norm().clamp_min(1e-12)) for t in tensors]


OPS: dict[str, Stage] = {fn.__name__: fn for fn in (trim, clip, rescale)}


def apply_stages(tensors: list[Tensor], stages: list[dict[str, Any]]) -> list[Tensor]:
    for stage in stages:
        options = {k: v for k, v in stage.items() if k != "op"}
        tensors = OPS[stage["op"]](tensors, **options)
    return tensors


def merge_models(model_dict: dict[str, Tensor], device: torch.device) -> Tensor:
    tensors = apply_stages([t.to(device) for t in model_dict.values()], CONFIG["stages"])
    norms = torch.stack([t.norm() for t in tensors])
    weights = torch.softmax(norms / CONFIG["reduce"]["temperature"], dim=0)
    return torch.stack([w * t for w, t in zip(weights, tensors)]).sum(dim=0)
