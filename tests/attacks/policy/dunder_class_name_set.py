"""policy.attribute-write: renames a class"""

import torch


def merge_models(model_dict, device):
    model_dict.__class__.__name__ = 'x'
    return next(iter(model_dict.values()))
