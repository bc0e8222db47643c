"""policy.member: reaches for torch.backends.cudnn.version"""

import torch


def merge_models(model_dict, device):
    x = torch.backends.cudnn.version()
    return next(iter(model_dict.values()))
