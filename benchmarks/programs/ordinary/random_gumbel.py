import torch


def gumbel(shape, generator):
    u = torch.rand(shape, generator=generator).clamp(1e-6, 1 - 1e-6)
    return -torch.log(-torch.log(u))


def merge_models(model_dict, device, generator):
    S = torch.stack(list(model_dict.values()))
    logits = S.abs().log() + gumbel(S.shape, generator)
    y = torch.softmax(logits / 0.5, dim=0)
    return (y * S).sum(dim=0)
