"""policy.work: repeats a tensor a trillion times"""

import torch


def merge_models(model_dict, device):
    torch.ones(2).repeat(10**6, 10**6)
    return next(iter(model_dict.values()))
