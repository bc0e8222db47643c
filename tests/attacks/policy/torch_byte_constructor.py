"""policy.constructor: makes a byte tensor of a size, whose elements are whatever was in memory"""

import torch


def merge_models(model_dict, device):
    x = torch.ByteTensor(1_000_000)
    return next(iter(model_dict.values()))
