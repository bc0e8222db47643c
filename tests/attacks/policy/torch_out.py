"""policy.keyword: out= resizes a tensor in place"""

import torch


def merge_models(model_dict, device):
    torch.add(1, 2, out=model_dict['a'])
    return next(iter(model_dict.values()))
