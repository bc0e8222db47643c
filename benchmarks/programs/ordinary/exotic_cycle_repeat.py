from itertools import cycle, repeat, count
import torch


def merge_models(model_dict, device):
    signs = cycle([1.0, 0.5])
    out = torch.zeros_like(next(iter(model_dict.values())))
    for i, t, s, half in zip(count(1), model_dict.values(), signs, repeat(0.5)):
        out += half * s * t / i
    return out
