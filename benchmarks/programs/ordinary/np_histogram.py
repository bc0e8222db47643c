import torch

BINS = 16

def merge_models(model_dict, device):
    vals = list(model_dict.values())
    flat = torch.concatenate([v.flatten() for v in vals])
    lo, hi = flat.min().item(), flat.max().item()
    hist = torch.histc(flat, bins=BINS, min=lo, max=hi)
    prob = hist / hist.sum()
    edges = torch.linspace(lo, hi, BINS + 1)
    out = torch.zeros_like(vals[0])
    norm = torch.zeros_like(vals[0])
    for v in vals:
        b = torch.bucketize(v, edges[1:-1])
        w = prob[b] + 1e-6
        out += w * v
        norm += w
    return out / norm
