import torch

MODE = "auto"


def choose(mode, t):
    if mode == "auto":
        mode = "vector" if t.ndim == 1 else "matrix" if t.ndim == 2 else "tensor"
    return {"vector": 0.5, "matrix": 0.7}.get(mode, 1.0)


def merge_models(model_dict, device):
    return sum(choose(MODE, t) * t for t in model_dict.values()) / len(model_dict)
