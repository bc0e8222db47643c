"""policy.attribute: the default arguments of a function"""

import torch


def merge_models(model_dict, device):
    merge_models.__defaults__
    return next(iter(model_dict.values()))
