"""policy.attribute: the name of a module"""

import torch


def merge_models(model_dict, device):
    x = torch.__name__
    return next(iter(model_dict.values()))
