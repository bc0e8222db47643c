"""policy.attribute: uses Tensor.apply"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.apply_(abs)
    return next(iter(model_dict.values()))
