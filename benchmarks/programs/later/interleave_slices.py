import torch


def merge_models(model_dict, device):
    tensors = list(model_dict.values())
    n = len(tensors)
    out = torch.zeros_like(tensors[0])
    flat = out.view(-1)
    for offset, t in enumerate(tensors):
        own = slice(offset, None, n)
        flat[own] = t.reshape(-1)[own]
    mean = sum(tensors) / n
    return 0.3 * out + 0.7 * mean
