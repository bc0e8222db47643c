"""policy.member: reaches for torch.overrides.resolve_name"""

import torch


def merge_models(model_dict, device):
    x = torch.overrides.resolve_name(print)
    return next(iter(model_dict.values()))
