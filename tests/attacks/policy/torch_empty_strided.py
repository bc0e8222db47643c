"""policy.member: reaches for torch.empty_strided"""

import torch


def merge_models(model_dict, device):
    x = torch.empty_strided((2,), (1,))
    return next(iter(model_dict.values()))
