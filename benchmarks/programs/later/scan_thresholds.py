import torch


def hoyer(t):
    n = t.numel() ** 0.5
    return (n - t.abs().sum() / t.norm().clamp_min(1e-12)) / (n - 1)


def merge_models(model_dict, device):
    mean = sum(v.to(device) for v in model_dict.values()) / len(model_dict)
    thresholds = [0.0] + [q.item() for q in torch.quantile(mean.abs().flatten(), torch.arange(0.1, 0.6, 0.1))]
    candidates = [(mean * (mean.abs() > th), th) for th in thresholds]
    scored = [(abs(hoyer(c).item() - 0.35), th, c) for c, th in candidates if c.abs().sum() > 0]
    best = min(scored, key=lambda item: item[0])
    print(f"threshold {best[1]:.4f} chosen among {len(scored)}")
    return best[2]
