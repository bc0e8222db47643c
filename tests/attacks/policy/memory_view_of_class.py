"""policy.attribute: a tensor of another class"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).as_subclass(torch.Tensor)
    return next(iter(model_dict.values()))
