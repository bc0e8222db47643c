"""runtime: gradients by unpacking"""

import torch


def merge_models(model_dict, device):
    torch.ones(2, **{'requires_grad': True})
    return next(iter(model_dict.values()))
