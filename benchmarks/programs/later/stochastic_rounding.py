import torch


def stochastic_round(x, step, generator):
    scaled = x / step
    floor = scaled.floor()
    p = scaled - floor
    up = torch.rand(x.shape, generator=generator, device=x.device) < p
    return (floor + up.to(x.dtype)) * step


def merge_models(model_dict, device, generator):
    mean = torch.mean(torch.stack(list(model_dict.values())), dim=0).to(device)
    step = mean.abs().max() / 127.0
    return stochastic_round(mean, step, generator)
