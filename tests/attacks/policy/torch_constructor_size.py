"""policy.constructor: torch.Tensor of a size holds old memory"""

import torch


def merge_models(model_dict, device):
    x = torch.Tensor(1000)
    return next(iter(model_dict.values()))
