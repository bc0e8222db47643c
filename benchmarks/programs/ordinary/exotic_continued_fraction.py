import torch


def merge_models(model_dict, device):
    ts = list(reversed(list(model_dict.values())))
    out = ts[0]
    for t in ts[1:]:
        out = t + out / (2 + out.abs())
    return out
