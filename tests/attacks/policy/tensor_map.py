"""policy.attribute: uses Tensor.map"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.map_(x, max)
    return next(iter(model_dict.values()))
