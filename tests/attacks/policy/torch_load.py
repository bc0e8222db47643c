"""policy.member: reaches for torch.load"""

import torch


def merge_models(model_dict, device):
    x = torch.load('/tmp/x')
    return next(iter(model_dict.values()))
