"""policy.name: binds a guard by unpacking in a comprehension"""

import torch


def merge_models(model_dict, device):
    [_getiter_ for _getiter_ in [1]]
    return next(iter(model_dict.values()))
