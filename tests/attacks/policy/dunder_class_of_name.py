"""policy.attribute: the class of the name of a class"""

import torch


def merge_models(model_dict, device):
    x = model_dict.__class__.__name__.__class__
    return next(iter(model_dict.values()))
