"""policy.builtin: calls type"""

import torch


def merge_models(model_dict, device):
    x = type(model_dict)
    return next(iter(model_dict.values()))
