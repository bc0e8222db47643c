import torch


def merge_models(model_dict, device):
    def cond(t):
        m = t if t.dim() == 2 else t.unsqueeze(0)
        s = torch.linalg.svdvals(m)
        return (s.max() / s.min().clamp(min=1e-6)).item()

    c = {k: cond(v) for k, v in model_dict.items()}
    inv = {k: 1 / v for k, v in c.items()}
    z = sum(inv.values())
    best = max(inv, key=inv.get)
    print("best conditioned:", best)
    return sum(inv[k] / z * v for k, v in model_dict.items())
