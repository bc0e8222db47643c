"""policy.context: decorator that is any expression"""

import torch
@(lambda f: f)
def f(x):
    return x


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
