"""policy.attribute: reaches for torch.ones(1)._base"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(1)._base
    return next(iter(model_dict.values()))
