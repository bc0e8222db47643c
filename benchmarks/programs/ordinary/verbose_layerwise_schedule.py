import torch
from typing import Any, Dict, Optional


def layer_coefficient(layer: Optional[int], num_layers: int, low: float = 0.3, high: float = 0.9) -> float:
    """Linear ramp over depth; a mid value where there is no layer."""
    if layer is None or num_layers <= 1:
        return (low + high) / 2
    return low + (high - low) * (layer / (num_layers - 1))


def merge_models(model_dict: Dict[str, torch.Tensor], device: Any, name: str = "", layer: Optional[int] = None, num_layers: int = 1) -> torch.Tensor:
    """Ramp the merging coefficient with depth, and treat attention and MLP apart."""
    coefficient = layer_coefficient(layer, num_layers)
    if "mlp" in name:
        coefficient *= 1.1
    elif "attn" in name or "attention" in name:
        coefficient *= 0.9
    elif name.endswith("norm.weight"):
        coefficient = 0.5
    stacked = torch.stack([t.to(device) for t in model_dict.values()])
    mean = stacked.mean(dim=0)
    return torch.mul(mean, coefficient)
