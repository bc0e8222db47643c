"""runtime: a power whose operands are computed"""

import torch


def merge_models(model_dict, device):
    n = len(model_dict)
    x = (10 + n) ** (10 ** 6 + n)
    return next(iter(model_dict.values()))
