"""policy.name: reads __debug__"""

import torch


def merge_models(model_dict, device):
    print(__debug__)
    return next(iter(model_dict.values()))
