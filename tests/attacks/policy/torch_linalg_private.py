"""policy.member: reaches for torch.linalg.torch"""

import torch


def merge_models(model_dict, device):
    x = torch.linalg.torch
    return next(iter(model_dict.values()))
