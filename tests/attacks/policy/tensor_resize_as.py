"""policy.attribute: uses Tensor.resize_as"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.resize_as_(x)
    return next(iter(model_dict.values()))
