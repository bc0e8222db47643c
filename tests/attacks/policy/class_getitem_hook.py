"""policy.attribute: calls the subscription hook by name"""

import torch


def merge_models(model_dict, device):
    dict.__class_getitem__(int)
    return next(iter(model_dict.values()))
