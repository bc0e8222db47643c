"""policy.name: binds a guard's name by import"""

import torch
from math import sqrt as _getattr_


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
