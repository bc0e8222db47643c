"""policy.builtin: calls eval"""

import torch


def merge_models(model_dict, device):
    x = eval('1')
    return next(iter(model_dict.values()))
