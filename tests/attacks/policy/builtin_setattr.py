"""policy.builtin: calls setattr"""

import torch


def merge_models(model_dict, device):
    x = setattr(torch, 'add', None)
    return next(iter(model_dict.values()))
