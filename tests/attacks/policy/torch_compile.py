"""policy.member: reaches for torch.compile"""

import torch


def merge_models(model_dict, device):
    x = torch.compile(merge_models)
    return next(iter(model_dict.values()))
