"""runtime: a range called from C"""

import torch


def merge_models(model_dict, device):
    next(map(range, [10 ** 12]))
    return next(iter(model_dict.values()))
