"""policy.work: pow with huge numbers"""

import torch


def merge_models(model_dict, device):
    x = pow(10, 10**9)
    return next(iter(model_dict.values()))
