"""policy.builtin: calls locals"""

import torch


def merge_models(model_dict, device):
    x = locals()
    return next(iter(model_dict.values()))
