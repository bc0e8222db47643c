"""policy.node: code in a parameter's annotation"""

import torch
def f(x: (lambda: 1)()):
    return x


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
