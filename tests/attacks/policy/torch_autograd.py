"""policy.member: reaches for torch.autograd.Function"""

import torch


def merge_models(model_dict, device):
    x = torch.autograd.Function
    return next(iter(model_dict.values()))
