"""policy.work: a loop that never ends, counting"""

import torch


def merge_models(model_dict, device):
    x = 0
    while 1:
        x += 1
    return next(iter(model_dict.values()))
