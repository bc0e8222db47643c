import torch
import torch.nn.functional as F

def stage_one(ts, q=0.3):
    out = []
    for t in ts:
        thr = torch.quantile(t.abs().float().flatten(), q)
        out.append(t.masked_fill(t.abs() < thr, 0))
    return out

def stage_two(ts):
    s = torch.stack(ts)
    pos = F.relu(s).sum(0)
    neg = F.relu(-s).sum(0)
    conf = (pos - neg) / (pos + neg).clamp_min(1e-8)
    return s, conf

def stage_three(s, conf, gamma=2.0):
    keep = (s * conf.unsqueeze(0)) > 0
    w = keep.float() * conf.abs().pow(gamma).unsqueeze(0)
    return (s * w).sum(0) / w.sum(0).clamp_min(1e-8)

def merge_models(model_dict, device):
    ts = [v.to(device) for v in model_dict.values()]
    s, conf = stage_two(stage_one(ts))
    merged = stage_three(s, conf)
    ratio = (sum(t.norm() for t in ts) / len(ts)) / merged.norm().clamp_min(1e-8)
    return merged * ratio.clamp(max=1.5)
