"""policy.builtin: names out of a comprehension"""

import torch


def merge_models(model_dict, device):
    [getattr(torch, name) for name in ['load', 'save']]
    return next(iter(model_dict.values()))
