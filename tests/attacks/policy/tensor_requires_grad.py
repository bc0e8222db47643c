"""policy.attribute: uses Tensor.requires_grad"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.requires_grad_()
    return next(iter(model_dict.values()))
