"""policy.format: a field of str.format reads an attribute"""

import torch


def merge_models(model_dict, device):
    '{0.__class__}'.format(model_dict)
    return next(iter(model_dict.values()))
