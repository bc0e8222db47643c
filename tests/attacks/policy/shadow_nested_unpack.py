"""policy.name: binds a guard by nested unpacking"""

import torch


def merge_models(model_dict, device):
    for (a, (*_write_, b)) in [(1, (2, 3))]:
        pass
    return next(iter(model_dict.values()))
