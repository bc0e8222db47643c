"""policy.attribute: the class of a name"""

import torch


def merge_models(model_dict, device):
    print(model_dict.__class__.__name__.__class__)
    return next(iter(model_dict.values()))
