"""runtime: a method of Tensor written in Python, called on what is no tensor"""

import torch


def merge_models(model_dict, device):
    torch.Tensor.split('a b', 1)
    return next(iter(model_dict.values()))
