"""policy.builtin: calls object"""

import torch


def merge_models(model_dict, device):
    x = object()
    return next(iter(model_dict.values()))
