"""policy.attribute: uses Tensor.to_sparse"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(3)
    y = x.to_sparse()
    return next(iter(model_dict.values()))
