"""policy.builtin: calls globals"""

import torch


def merge_models(model_dict, device):
    x = globals()
    return next(iter(model_dict.values()))
