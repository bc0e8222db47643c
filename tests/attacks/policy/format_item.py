"""policy.format: a field of str.format reads an item"""

import torch


def merge_models(model_dict, device):
    '{0[a]}'.format(model_dict)
    return next(iter(model_dict.values()))
