"""policy.work: a % field a billion characters wide"""

import torch


def merge_models(model_dict, device):
    x = '%1000000000d' % 1
    return next(iter(model_dict.values()))
