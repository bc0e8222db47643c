"""policy.builtin: calls super"""

import torch


def merge_models(model_dict, device):
    x = super()
    return next(iter(model_dict.values()))
