"""policy.keyword: out= inside a lambda"""

import torch


def merge_models(model_dict, device):
    add = lambda a, b, t: torch.add(a, b, out=t)
    add(torch.ones(2), 1, torch.zeros(2))
    return next(iter(model_dict.values()))
