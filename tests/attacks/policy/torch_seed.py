"""policy.member: reaches for torch.seed"""

import torch


def merge_models(model_dict, device):
    x = torch.seed()
    return next(iter(model_dict.values()))
