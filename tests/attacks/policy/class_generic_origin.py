"""policy.attribute: reads the class behind a generic alias"""

import torch


def merge_models(model_dict, device):
    list[int].__origin__
    return next(iter(model_dict.values()))
