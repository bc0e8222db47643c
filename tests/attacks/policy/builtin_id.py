"""policy.builtin: calls id"""

import torch


def merge_models(model_dict, device):
    x = id(torch)
    return next(iter(model_dict.values()))
