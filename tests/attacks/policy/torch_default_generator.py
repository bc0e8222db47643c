"""policy.member: reaches for torch.default_generator"""

import torch


def merge_models(model_dict, device):
    x = torch.default_generator
    return next(iter(model_dict.values()))
