"""policy.work: repeats a tensor a trillion times"""

import torch


def merge_models(model_dict, device):
    torch.ones(2).repeat(10**9, 10**9)
    return next(iter(model_dict.values()))
