"""policy.attribute: uses Tensor.pin_memory"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.pin_memory()
    return next(iter(model_dict.values()))
