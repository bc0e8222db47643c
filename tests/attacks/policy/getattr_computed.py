"""policy.builtin: a computed attribute name"""

import torch


def merge_models(model_dict, device):
    x = getattr(torch, 'o' + 's')
    return next(iter(model_dict.values()))
