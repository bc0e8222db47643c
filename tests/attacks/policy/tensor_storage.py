"""policy.attribute: uses Tensor.storage"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.storage()
    return next(iter(model_dict.values()))
