"""runtime: makes a byte tensor of a size that only shows when it runs"""

import torch


def merge_models(model_dict, device):
    size = len(model_dict) * 1000
    secrets = torch.ByteTensor(size)
    return next(iter(model_dict.values()))
