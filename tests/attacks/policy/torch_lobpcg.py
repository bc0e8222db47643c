"""policy.member: reaches for torch.lobpcg"""

import torch


def merge_models(model_dict, device):
    x = torch.lobpcg(torch.eye(3))
    return next(iter(model_dict.values()))
