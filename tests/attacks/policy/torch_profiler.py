"""policy.member: reaches for torch.profiler.profile"""

import torch


def merge_models(model_dict, device):
    x = torch.profiler.profile()
    return next(iter(model_dict.values()))
