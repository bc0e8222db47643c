"""policy.member: reaches for torch.frombuffer"""

import torch


def merge_models(model_dict, device):
    x = torch.frombuffer('x', dtype=torch.uint8)
    return next(iter(model_dict.values()))
