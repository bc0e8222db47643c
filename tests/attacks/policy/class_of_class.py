"""policy.attribute: the class of a class, for its name"""

import torch


def merge_models(model_dict, device):
    print(model_dict.__class__.__class__.__name__)
    return next(iter(model_dict.values()))
