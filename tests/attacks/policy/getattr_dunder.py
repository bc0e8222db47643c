"""policy.attribute: getattr with an underscore name"""

import torch


def merge_models(model_dict, device):
    x = getattr(model_dict, '__class__')
    return next(iter(model_dict.values()))
