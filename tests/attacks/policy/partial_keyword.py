"""policy.keyword: partial binds a refused keyword"""

from functools import partial

import torch


def merge_models(model_dict, device):
    x = partial(torch.zeros, 3, pin_memory=True)()
    return next(iter(model_dict.values()))
