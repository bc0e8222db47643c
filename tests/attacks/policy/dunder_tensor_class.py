"""policy.attribute: reaches for torch.Tensor.__class__"""

import torch


def merge_models(model_dict, device):
    x = torch.Tensor.__class__
    return next(iter(model_dict.values()))
