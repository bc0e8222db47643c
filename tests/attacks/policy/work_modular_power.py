"""runtime: a modular power of great integers takes years in one call"""

import torch


def merge_models(model_dict, device):
    a = int("f" * 400_000, 16)
    x = pow(a, a, a - 1)
    return next(iter(model_dict.values()))
