"""policy.attribute: uses Tensor.grad_fn"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.grad_fn
    return next(iter(model_dict.values()))
