"""policy.attribute: a module out of a dict"""

import torch


def merge_models(model_dict, device):
    {'t': torch}['t'].save(1, 'x')
    return next(iter(model_dict.values()))
