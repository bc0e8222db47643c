import torch

LEVELS = 8

def quantise(x, levels=LEVELS):
    scale = x.abs().max() / (levels - 1)
    if scale == 0:
        return x
    q = torch.round(x / scale)
    vals, inverse, counts = torch.unique(q, return_inverse=True, return_counts=True)
    rare = counts < 2
    vals = torch.where(rare, vals * 0.5, vals)
    return vals[inverse].reshape(x.shape) * scale

def merge_models(model_dict, device):
    qs = [quantise(v) for v in model_dict.values()]
    return torch.stack(qs).mean(axis=0)
