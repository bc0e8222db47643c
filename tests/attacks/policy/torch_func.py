"""policy.member: reaches for torch.func.grad"""

import torch


def merge_models(model_dict, device):
    x = torch.func.grad(print)
    return next(iter(model_dict.values()))
