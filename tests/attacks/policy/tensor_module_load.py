"""policy.attribute: uses Tensor.module_load"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.module_load(x)
    return next(iter(model_dict.values()))
