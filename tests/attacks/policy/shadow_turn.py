"""policy.name: replaces what counts the turns of loops"""

import torch


def merge_models(model_dict, device):
    _turn_ = lambda: True
    return next(iter(model_dict.values()))
