"""runtime: calls the class of a function, which makes functions from code"""

import torch


def merge_models(model_dict, device):
    kind = type(lambda: 0)
    x = kind(1, {})
    return next(iter(model_dict.values()))
