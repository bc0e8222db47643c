"""policy.member: reaches for torch.inspect.currentframe"""

import torch


def merge_models(model_dict, device):
    x = torch.inspect.currentframe()
    return next(iter(model_dict.values()))
