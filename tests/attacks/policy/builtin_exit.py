"""policy.builtin: calls exit"""

import torch


def merge_models(model_dict, device):
    x = exit(0)
    return next(iter(model_dict.values()))
