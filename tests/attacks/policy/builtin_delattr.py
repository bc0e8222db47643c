"""policy.builtin: calls delattr"""

import torch


def merge_models(model_dict, device):
    x = delattr(torch, 'add')
    return next(iter(model_dict.values()))
