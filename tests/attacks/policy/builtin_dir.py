"""policy.builtin: calls dir"""

import torch


def merge_models(model_dict, device):
    x = dir(torch)
    return next(iter(model_dict.values()))
