"""runtime: a memory around a function of torch"""

import functools
import torch


def merge_models(model_dict, device):
    make = functools.lru_cache(torch.zeros)
    x = make(3, **{'pin_memory': True})
    return next(iter(model_dict.values()))
