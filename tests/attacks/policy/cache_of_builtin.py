"""runtime: cache around a builtin"""

import torch
from functools import cache


def merge_models(model_dict, device):
    cache(print)('x')
    return next(iter(model_dict.values()))
