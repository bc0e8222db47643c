"""Fisher-weighted averaging where squared deltas stand in for the Fisher information."""
import torch
from typing import Dict


def estimate_fisher(task_vector: torch.Tensor, smoothing: float = 1e-6) -> torch.Tensor:
    """Diagonal Fisher proxy."""
    return task_vector.pow(2) + smoothing


def normalise_fisher(fisher: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Scale each model's Fisher to unit mean, so that no model dominates."""
    return {name: f / f.mean() for name, f in fisher.items()}


@torch.no_grad()
def merge_models(model_dict: Dict[str, torch.Tensor], device: torch.device) -> torch.Tensor:
    """Fisher merge."""
    fisher = {name: estimate_fisher(t.to(device)) for name, t in model_dict.items()}
    fisher = normalise_fisher(fisher)
    numerator = torch.zeros_like(next(iter(model_dict.values()))).to(device)
    denominator = torch.zeros_like(numerator)
    for name in model_dict:
        numerator += fisher[name] * model_dict[name].to(device)
        denominator += fisher[name]
    merged = numerator / denominator
    del fisher, numerator, denominator
    return merged
