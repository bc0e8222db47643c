"""policy.keyword: out= with two tensors"""

import torch


def merge_models(model_dict, device):
    torch.sort(torch.ones(2), out=(torch.zeros(0), torch.zeros(0)))
    return next(iter(model_dict.values()))
