"""runtime: a loop that never ends, and cannot be told from one that does"""

import torch


def merge_models(model_dict, device):
    while model_dict:
        pass
    return next(iter(model_dict.values()))
