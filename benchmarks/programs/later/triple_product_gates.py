import torch


def merge_models(model_dict, device):
    gates = {
        "magnitude": lambda s: s.abs() / s.abs().sum(0, keepdim=True).clamp_min(1e-9),
        "agreement": lambda s: ((s * s.sum(0)) > 0).float(),
        "stability": lambda s: 1 / (1 + (s - s.mean(0)).abs() / s.std(0).clamp_min(1e-6)),
    }
    s = torch.stack([v.to(device) for v in model_dict.values()])
    w = torch.ones_like(s)
    for gate_name in ("magnitude", "agreement", "stability"):
        w = w * gates[gate_name](s)
    w = w / w.sum(dim=0, keepdim=True).clamp_min(1e-9)
    return (w * s).sum(dim=0)
