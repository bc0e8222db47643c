"""policy.member: reaches for torch.sys.modules"""

import torch


def merge_models(model_dict, device):
    x = torch.sys.modules
    return next(iter(model_dict.values()))
