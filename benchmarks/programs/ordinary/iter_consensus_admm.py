import torch


def merge_models(model_dict, device, rho=1.0, steps=8):
    xs = {k: v.clone() for k, v in model_dict.items()}
    us = {k: torch.zeros_like(v) for k, v in model_dict.items()}
    z = torch.zeros_like(next(iter(model_dict.values())))
    for _ in range(steps):
        for k in xs:
            xs[k] = (model_dict[k] + rho * (z - us[k])) / (1 + rho)
        z = sum(xs[k] + us[k] for k in xs) / len(xs)
        for k in us:
            us[k] += xs[k] - z
    return z
