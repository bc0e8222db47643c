"""runtime: makes a class with type, called from C"""

import torch


def merge_models(model_dict, device):
    x = list(map(type, ['Attack'], [()], [{}]))
    return next(iter(model_dict.values()))
