"""runtime: lru_cache around a function of torch"""

import torch
from functools import lru_cache


def merge_models(model_dict, device):
    lru_cache(torch.add)(1, 2)
    return next(iter(model_dict.values()))
