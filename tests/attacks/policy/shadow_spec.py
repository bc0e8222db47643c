"""policy.name: reads __spec__"""

import torch


def merge_models(model_dict, device):
    print(__spec__)
    return next(iter(model_dict.values()))
