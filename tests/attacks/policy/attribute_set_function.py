"""policy.attribute-write: sets an attribute of a function"""

import torch


def merge_models(model_dict, device):
    merge_models.x = 1
    return next(iter(model_dict.values()))
