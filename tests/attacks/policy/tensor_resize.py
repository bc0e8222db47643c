"""policy.attribute: uses Tensor.resize"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.resize_(10**6)
    return next(iter(model_dict.values()))
