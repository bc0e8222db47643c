"""policy.member: reaches for torch.set_default_dtype"""

import torch


def merge_models(model_dict, device):
    x = torch.set_default_dtype(torch.float64)
    return next(iter(model_dict.values()))
