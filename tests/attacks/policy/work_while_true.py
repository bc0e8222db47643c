"""policy.work: a loop that never ends"""

import torch


def merge_models(model_dict, device):
    while True:
        pass
    return next(iter(model_dict.values()))
