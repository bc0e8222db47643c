"""policy.attribute: uses Tensor.set"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.set_(x)
    return next(iter(model_dict.values()))
