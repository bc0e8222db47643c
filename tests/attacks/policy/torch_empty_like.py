"""policy.member: reaches for torch.empty_like"""

import torch


def merge_models(model_dict, device):
    x = torch.empty_like(model_dict['a'])
    return next(iter(model_dict.values()))
