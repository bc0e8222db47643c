"""policy.attribute: reaches for int.__mro__"""

import torch


def merge_models(model_dict, device):
    x = int.__mro__
    return next(iter(model_dict.values()))
