"""policy.attribute-write: renames a function"""

import torch


def merge_models(model_dict, device):
    merge_models.__name__ = 'x'
    return next(iter(model_dict.values()))
