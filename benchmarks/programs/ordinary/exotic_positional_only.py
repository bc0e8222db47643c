import torch


def blend(a, b, /, t=0.5, *, clip=None):
    out = a + t * (b - a)
    return out if clip is None else out.clamp(-clip, clip)


def merge_models(model_dict, device):
    it = iter(model_dict.values())
    acc = next(it, None)
    while (nxt := next(it, None)) is not None:
        acc = blend(acc, nxt, clip=3.0)
    return acc
