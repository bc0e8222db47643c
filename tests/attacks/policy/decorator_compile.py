"""policy.context: decorator from outside"""

import torch
@torch.compile
def f(x):
    return x


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
