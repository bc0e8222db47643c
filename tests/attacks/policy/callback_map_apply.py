"""policy.attribute: applies a function in C"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).map2_(torch.ones(1), torch.ones(1), lambda *a: 1)
    return next(iter(model_dict.values()))
