"""policy.work: an iterator that never ends"""

import torch


def merge_models(model_dict, device):
    sorted(iter(lambda: 1, 2))
    return next(iter(model_dict.values()))
