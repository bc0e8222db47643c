"""policy.attribute: uses Tensor.new_empty"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.new_empty(3)
    return next(iter(model_dict.values()))
