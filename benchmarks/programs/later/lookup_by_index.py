import torch

PRIORITY = ["code", "math", "chat"]


def merge_models(model_dict, device):
    order = sorted(model_dict, key=lambda n: PRIORITY.index(n) if n in PRIORITY else len(PRIORITY))
    weights = [0.5 ** (i + 1) for i in range(len(order))]
    weights[-1] *= 2
    assert abs(sum(weights) - 1.0) < 1e-9, f"weights must sum to one: {weights}"
    merged = torch.zeros_like(model_dict[order[0]], device=device, dtype=torch.float32)
    for n, w in zip(order, weights):
        merged += w * model_dict[n].to(device, torch.float32)
    return merged
