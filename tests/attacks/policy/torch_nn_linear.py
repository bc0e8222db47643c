"""policy.member: reaches for torch.nn.Linear"""

import torch


def merge_models(model_dict, device):
    x = torch.nn.Linear(2, 2)
    return next(iter(model_dict.values()))
