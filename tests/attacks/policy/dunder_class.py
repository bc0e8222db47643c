"""policy.attribute: reaches for model_dict.__class__"""

import torch


def merge_models(model_dict, device):
    x = model_dict.__class__
    return next(iter(model_dict.values()))
