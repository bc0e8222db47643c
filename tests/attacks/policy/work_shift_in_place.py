"""runtime: a shift in place"""

import torch


def merge_models(model_dict, device):
    x = 1
    x <<= 10 ** 7
    return next(iter(model_dict.values()))
