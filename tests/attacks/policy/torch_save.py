"""policy.member: reaches for torch.save"""

import torch


def merge_models(model_dict, device):
    x = torch.save(torch.ones(1), '/tmp/x')
    return next(iter(model_dict.values()))
