"""runtime: an attribute that another type may have: values of a function"""

import torch


def merge_models(model_dict, device):
    f = [torch.add][0]
    g = [torch][0]
    x = g.count
    return next(iter(model_dict.values()))
