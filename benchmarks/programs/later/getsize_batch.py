import torch

BATCH = 2


def batched(seq, n):
    seq = list(seq)
    for i in range(0, len(seq), n):
        yield seq[i:i + n]


def merge_models(model_dict, device):
    total, weight = None, 0
    for group in batched(model_dict.values(), BATCH):
        local = torch.stack([t.to(device) for t in group]).mean(dim=0)
        total = local * len(group) if total is None else total + local * len(group)
        weight += len(group)
    return total.div_(weight)
