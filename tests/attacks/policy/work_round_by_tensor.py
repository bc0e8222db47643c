"""runtime: a tensor of one integer is an integer to round"""

import torch


def merge_models(model_dict, device):
    x = round(5, torch.tensor(-3_000_000))
    return next(iter(model_dict.values()))
