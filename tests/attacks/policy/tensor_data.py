"""policy.attribute: uses Tensor.data"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.data
    return next(iter(model_dict.values()))
