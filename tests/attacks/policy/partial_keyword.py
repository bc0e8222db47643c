"""policy.member: functools.partial binds a refused keyword"""

import functools

import torch


def merge_models(model_dict, device):
    options = {'pin_memory': True}
    x = functools.partial(torch.zeros, 3, **options)()
    return next(iter(model_dict.values()))
