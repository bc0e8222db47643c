"""policy.builtin: getattr handed to reduce"""

import torch
from functools import reduce


def merge_models(model_dict, device):
    x = reduce(getattr, ['os', 'system'], torch)
    return next(iter(model_dict.values()))
