"""policy.member: reaches for torch.cond"""

import torch


def merge_models(model_dict, device):
    x = torch.cond(True, print, print, [])
    return next(iter(model_dict.values()))
