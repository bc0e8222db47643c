"""policy.attribute: reaches for the classes below a class"""

import torch


def merge_models(model_dict, device):
    x = type(model_dict).mro(dict)
    return next(iter(model_dict.values()))
