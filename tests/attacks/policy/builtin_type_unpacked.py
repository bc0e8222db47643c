"""policy.builtin: makes a class with type, from a tuple"""

import torch


def merge_models(model_dict, device):
    x = type(*('Attack', (), {}))
    return next(iter(model_dict.values()))
