"""runtime: torch.Tensor of a size by unpacking"""

import torch


def merge_models(model_dict, device):
    torch.Tensor(*[3])
    return next(iter(model_dict.values()))
