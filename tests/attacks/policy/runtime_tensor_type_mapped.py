"""runtime: torch.Tensor called by map"""

import torch


def merge_models(model_dict, device):
    x = list(map(torch.Tensor, [1000]))
    return next(iter(model_dict.values()))
