"""policy.attribute: uses Tensor.backward"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.backward()
    return next(iter(model_dict.values()))
