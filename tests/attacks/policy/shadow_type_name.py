"""policy.name: replaces the guard of type(x).__name__"""

import torch


def merge_models(model_dict, device):
    _typename_ = lambda value: 1
    return next(iter(model_dict.values()))
