"""policy.member: reaches for torch.as_strided"""

import torch


def merge_models(model_dict, device):
    x = torch.as_strided(torch.ones(2), (2,), (1,))
    return next(iter(model_dict.values()))
