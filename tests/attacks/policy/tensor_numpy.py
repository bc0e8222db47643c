"""policy.attribute: uses Tensor.numpy"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.numpy()
    return next(iter(model_dict.values()))
