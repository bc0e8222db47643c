"""policy.attribute: uses Tensor.untyped_storage"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.untyped_storage()
    return next(iter(model_dict.values()))
