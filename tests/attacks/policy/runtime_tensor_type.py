"""runtime: torch.Tensor with a computed size"""

import torch


def merge_models(model_dict, device):
    n = len(model_dict)
    x = torch.Tensor(n)
    return next(iter(model_dict.values()))
