"""policy.member: warnings for all"""

import torch


def merge_models(model_dict, device):
    torch.set_warn_always(True)
    return next(iter(model_dict.values()))
