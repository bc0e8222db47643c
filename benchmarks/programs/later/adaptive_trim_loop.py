import torch


def find_density(t, energy=0.9, step=0.05):
    flat = t.flatten().abs().sort(descending=True).values
    total = flat.pow(2).sum()
    density = step
    while density < 1.0:
        k = max(1, int(density * flat.numel()))
        if flat[:k].pow(2).sum() / total >= energy:
            break
        density += step
    return min(density, 1.0)


def merge_models(model_dict, device):
    densities, parts = [], []
    for t in model_dict.values():
        t = t.to(device)
        d = find_density(t)
        densities.append(d)
        k = max(1, int(d * t.numel()))
        thresh = t.abs().flatten().kthvalue(t.numel() - k + 1).values
        parts.append(t * t.abs().ge(thresh))
    print("densities:", ["%.2f" % d for d in densities])
    stacked = torch.stack(parts)
    nonzero = stacked.ne(0).sum(0).clamp(min=1)
    return stacked.sum(0) / nonzero
