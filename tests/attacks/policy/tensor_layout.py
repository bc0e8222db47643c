"""policy.attribute: uses Tensor.layout"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.layout
    return next(iter(model_dict.values()))
