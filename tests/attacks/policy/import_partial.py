"""runtime: partial binds a refused keyword"""

from functools import partial

import torch


def merge_models(model_dict, device):
    options = {'pin_memory': True}
    x = partial(torch.zeros, 3, **options)()
    return next(iter(model_dict.values()))
