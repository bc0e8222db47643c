"""policy.builtin: getattr under another name"""

import torch


def merge_models(model_dict, device):
    g = getattr
    x = g(torch, 'os')
    return next(iter(model_dict.values()))
