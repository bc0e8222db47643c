"""runtime: the constructor by way of a type object"""

import torch


def merge_models(model_dict, device):
    make = [torch.FloatTensor][0]
    make(1000)
    return next(iter(model_dict.values()))
