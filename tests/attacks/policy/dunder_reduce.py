"""policy.attribute: reaches for model_dict.__reduce_ex__(2)"""

import torch


def merge_models(model_dict, device):
    x = model_dict.__reduce_ex__(2)
    return next(iter(model_dict.values()))
