"""runtime: torch.Tensor of another tensor's shape"""

import torch


def merge_models(model_dict, device):
    torch.DoubleTensor(next(iter(model_dict.values())).shape)
    return next(iter(model_dict.values()))
