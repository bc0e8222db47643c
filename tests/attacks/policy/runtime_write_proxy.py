"""runtime: item assignment to a module"""

import torch


def merge_models(model_dict, device):
    m = [torch][0]
    m['add'] = None
    return next(iter(model_dict.values()))
