"""runtime: an iterator that never ends, called from C"""

import torch


def merge_models(model_dict, device):
    sorted(next(map(iter, [lambda: 1], [2])))
    return next(iter(model_dict.values()))
