"""policy.builtin: calls memoryview"""

import torch


def merge_models(model_dict, device):
    x = memoryview('x')
    return next(iter(model_dict.values()))
