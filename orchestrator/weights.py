"""Reads parameters of trusted models on the host, one at a time. Never used on what a program wrote."""

from __future__ import annotations

from typing import Any

import torch
from safetensors import safe_open

from orchestrator.models import MergeInputs, ModelFiles

TORCH_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}

TOLERANCE_ULP = {"F64": 16, "F32": 16, "F16": 2, "BF16": 2}
"""How far a replay on another class of machine may be from the record, per dtype: in units in the last place of
the tensor's largest element. Sums of a few terms in another order stay within it; another method does not."""


class Weights:
    """One model's parameters, read as they are asked for."""

    def __init__(self, model: ModelFiles) -> None:
        self._where: dict[str, Any] = {}
        for path in model.files:
            file: Any = safe_open(str(path), framework="pt", device="cpu")
            for name in file.keys():  # noqa: SIM118  (not a mapping)
                self._where[name] = file

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter of the model, sorted."""
        return tuple(sorted(self._where))

    def read(self, name: str) -> torch.Tensor:
        """Return a parameter in its own dtype and shape, on the CPU."""
        tensor: torch.Tensor = self._where[name].get_tensor(name)
        return tensor


def squared_norm(tensor: torch.Tensor) -> float:
    """Return the sum of squares, accumulated in float64."""
    return float(tensor.flatten().to(torch.float64).square().sum())


def largest_task_vector(inputs: MergeInputs) -> float:
    """Return max over candidates of ||theta_j - theta_seed|| over the merged parameters (float32 differences)."""
    seed = Weights(inputs.seed)
    norms = []
    for model in inputs.candidates:
        weights = Weights(model)
        squares = (
            squared_norm(weights.read(spec.name).to(torch.float32) - seed.read(spec.name).to(torch.float32))
            for spec in inputs.tensors
        )
        norms.append(sum(squares) ** 0.5)
    return float(max(norms))
