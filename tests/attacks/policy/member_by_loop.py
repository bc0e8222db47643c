"""runtime: a module out of a list"""

import torch


def merge_models(model_dict, device):
    for module in [torch]:
        module.keys
    return next(iter(model_dict.values()))
