import torch

def ticket(t, fraction):
    n = max(1, int(fraction * t.numel()))
    vals, idx = torch.topk(t.abs().reshape(-1), n)
    flat = torch.zeros(t.numel(), device=t.device, dtype=t.dtype)
    flat.scatter_(0, idx, t.reshape(-1).gather(0, idx))
    return flat.reshape(t.shape)

def merge_models(model_dict, device):
    fractions = {"math": 0.6, "code": 0.5}
    tickets = [ticket(v.to(device), fractions.get(k, 0.4)) for k, v in model_dict.items()]
    overlap = torch.stack([(t != 0) for t in tickets]).sum(0)
    summed = torch.stack(tickets).sum(0)
    return torch.where(overlap > 1, summed / overlap, summed)
