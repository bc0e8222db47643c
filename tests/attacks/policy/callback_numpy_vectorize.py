"""policy.import: numpy calls back from C"""

import torch


def merge_models(model_dict, device):
    from numpy import vectorize
    return next(iter(model_dict.values()))
