"""policy.member: reaches for torch.empty"""

import torch


def merge_models(model_dict, device):
    x = torch.empty(10)
    return next(iter(model_dict.values()))
