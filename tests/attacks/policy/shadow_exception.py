"""policy.name: replaces what a bare except catches"""

import torch


def merge_models(model_dict, device):
    _Exception_ = 1
    return next(iter(model_dict.values()))
