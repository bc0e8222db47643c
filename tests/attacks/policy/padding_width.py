"""policy.work: pads text to a billion characters"""

import torch


def merge_models(model_dict, device):
    x = 'a'.ljust(10**9)
    return next(iter(model_dict.values()))
