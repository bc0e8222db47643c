"""policy.work: a quintillion zeros"""

import torch


def merge_models(model_dict, device):
    torch.zeros(10**18)
    return next(iter(model_dict.values()))
