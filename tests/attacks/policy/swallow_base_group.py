"""policy.builtin: catches a group of everything"""

import torch


def merge_models(model_dict, device):
    try:
        pass
    except BaseExceptionGroup:
        pass
    return next(iter(model_dict.values()))
