import torch

def dominates(a, b):
    return all(x >= y for x, y in zip(a, b)) and any(x > y for x, y in zip(a, b))

def merge_models(model_dict, device):
    stats = {}
    for k, t in model_dict.items():
        t = t.to(device)
        stats[k] = (t.norm().item(), -t.abs().max().item(), (t > 0).float().mean().item())
    front = [k for k in stats if not any(dominates(stats[o], stats[k]) for o in stats if o != k)]
    rest = [k for k in stats if k not in set(front)]
    w = {**{k: 1.0 for k in front}, **{k: 0.5 for k in rest}}
    z = sum(w.values())
    return sum(w[k] / z * model_dict[k] for k in w)
