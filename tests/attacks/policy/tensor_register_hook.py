"""policy.attribute: uses Tensor.register_hook"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.register_hook(print)
    return next(iter(model_dict.values()))
