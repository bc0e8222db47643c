"""runtime: pow called from C"""

import torch


def merge_models(model_dict, device):
    list(map(pow, [10], [10 ** 6]))
    return next(iter(model_dict.values()))
