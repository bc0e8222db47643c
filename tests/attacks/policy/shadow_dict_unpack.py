"""runtime: keyword arguments that name guards, by unpacking"""

import torch


def merge_models(model_dict, device):
    torch.abs(torch.ones(1), **{'_getattr_': 1})
    return next(iter(model_dict.values()))
