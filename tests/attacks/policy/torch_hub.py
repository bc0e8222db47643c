"""policy.member: reaches for torch.hub.load"""

import torch


def merge_models(model_dict, device):
    x = torch.hub.load('a/b', 'c')
    return next(iter(model_dict.values()))
