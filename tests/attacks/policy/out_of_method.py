"""policy.keyword: out= of a tensor's method"""

import torch


def merge_models(model_dict, device):
    torch.ones(2).add(1, out=torch.zeros(2))
    return next(iter(model_dict.values()))
