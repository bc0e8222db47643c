import torch


def merge_models(model_dict, device):
    first = next(iter(model_dict.values()))
    out = torch.empty_like(first, device=device)
    for i in range(first.shape[0]):
        out[i] = torch.stack([t[i] for t in model_dict.values()]).mean(dim=0)
    return out
