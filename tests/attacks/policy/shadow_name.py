"""policy.name: replaces the guard of names"""

import torch


def merge_models(model_dict, device):
    _nameof_ = lambda value: value
    return next(iter(model_dict.values()))
