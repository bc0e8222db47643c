"""policy.builtin: calls exec"""

import torch


def merge_models(model_dict, device):
    x = exec('x = 1')
    return next(iter(model_dict.values()))
