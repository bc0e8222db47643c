"""policy.builtin: an f-string as the name"""

import torch


def merge_models(model_dict, device):
    getattr(torch, f'lo{1 and "ad"}')
    return next(iter(model_dict.values()))
