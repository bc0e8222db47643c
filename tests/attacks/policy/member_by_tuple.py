"""policy.attribute: a module out of a tuple"""

import torch


def merge_models(model_dict, device):
    (torch, 1)[0].load('x')
    return next(iter(model_dict.values()))
