"""policy.work: a precision of a billion digits in a % format"""

import torch


def merge_models(model_dict, device):
    print('%.1000000000f' % 1.5)
    return next(iter(model_dict.values()))
