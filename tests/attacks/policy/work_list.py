"""policy.work: a list of a trillion zeros"""

import torch


def merge_models(model_dict, device):
    x = [0] * 10**12
    return next(iter(model_dict.values()))
