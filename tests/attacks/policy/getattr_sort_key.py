"""policy.builtin: getattr as a key by a lambda"""

import torch


def merge_models(model_dict, device):
    sorted(['load'], key=lambda name: getattr(torch, name))
    return next(iter(model_dict.values()))
