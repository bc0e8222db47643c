"""runtime: a loop that catches everything"""

import torch


def merge_models(model_dict, device):
    while model_dict:
        try:
            1 / 0
        except:
            continue
    return next(iter(model_dict.values()))
