"""policy.name: reads __file__"""

import torch


def merge_models(model_dict, device):
    print(__file__)
    return next(iter(model_dict.values()))
