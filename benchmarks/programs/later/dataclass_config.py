from dataclasses import dataclass, field
from typing import Dict
import torch


@dataclass(frozen=True)
class MergeConfig:
    lam: float = 0.5
    weights: Dict[str, float] = field(default_factory=dict)


CFG = MergeConfig()


def merge_models(model_dict, device):
    return CFG.lam * sum(CFG.weights.get(k, 1.0) * v for k, v in model_dict.items())
