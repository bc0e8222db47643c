"""policy.name: reads __class__"""

import torch


def merge_models(model_dict, device):
    print(__class__)
    return next(iter(model_dict.values()))
