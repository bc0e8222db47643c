import torch


def top_indices(t, k):
    return set(t.abs().flatten().topk(k).indices.tolist())


def merge_models(model_dict, device):
    k = max(1, next(iter(model_dict.values())).numel() // 2)
    sets = [top_indices(t, k) for t in model_dict.values()]
    core = set.intersection(*sets)
    union = set().union(*sets)
    fringe = union - core
    flat = torch.stack([t.flatten() for t in model_dict.values()])
    out = flat.mean(0) * 0.2
    for i in sorted(core):
        out[i] = flat[:, i].sum()
    for i in sorted(fringe):
        out[i] = flat[:, i].mean()
    return out.view(next(iter(model_dict.values())).shape)
