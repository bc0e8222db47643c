"""runtime: out= in a dict that is put together"""

import torch


def merge_models(model_dict, device):
    names = ['o' + 'ut']
    torch.abs(torch.ones(2), **{names[0]: torch.zeros(2)})
    return next(iter(model_dict.values()))
