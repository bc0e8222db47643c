"""policy.builtin: calls compile"""

import torch


def merge_models(model_dict, device):
    x = compile('1', 'x', 'eval')
    return next(iter(model_dict.values()))
