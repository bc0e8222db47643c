"""runtime: reduce over names, getattr hidden by a parameter"""

import torch
from functools import reduce


def merge_models(model_dict, device):
    def unused(getattr):
        return getattr

    reduce(getattr, ['nn', 'functional', 'math'], torch)
    return next(iter(model_dict.values()))
