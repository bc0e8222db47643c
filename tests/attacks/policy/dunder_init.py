"""policy.attribute: reaches for model_dict.__init__.__globals__"""

import torch


def merge_models(model_dict, device):
    x = model_dict.__init__.__globals__
    return next(iter(model_dict.values()))
