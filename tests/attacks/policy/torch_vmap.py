"""policy.member: reaches for torch.vmap"""

import torch


def merge_models(model_dict, device):
    x = torch.vmap(print)
    return next(iter(model_dict.values()))
