"""policy.builtin: calls input"""

import torch


def merge_models(model_dict, device):
    x = input()
    return next(iter(model_dict.values()))
