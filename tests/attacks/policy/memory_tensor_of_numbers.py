"""policy.constructor: old memory in two dimensions"""

import torch


def merge_models(model_dict, device):
    torch.Tensor(3, 4)
    return next(iter(model_dict.values()))
