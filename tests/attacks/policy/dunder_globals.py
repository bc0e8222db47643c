"""policy.attribute: reaches for merge_models.__globals__"""

import torch


def merge_models(model_dict, device):
    x = merge_models.__globals__
    return next(iter(model_dict.values()))
