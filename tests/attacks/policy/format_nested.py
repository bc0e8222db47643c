"""policy.format: a nested field reads an attribute"""

import torch


def merge_models(model_dict, device):
    '{:{0.__class__}}'.format(1, model_dict)
    return next(iter(model_dict.values()))
