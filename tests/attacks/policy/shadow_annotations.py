"""policy.name: writes to the module's annotations"""

import torch


def merge_models(model_dict, device):
    __annotations__['x'] = 1
    return next(iter(model_dict.values()))
