"""policy.attribute: uses Tensor.new"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.new(1000)
    return next(iter(model_dict.values()))
