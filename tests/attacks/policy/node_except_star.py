"""policy.node: except* and its type confusion"""

import torch


def merge_models(model_dict, device):
    try:
        x = 1
    except* ValueError:
        pass
    return next(iter(model_dict.values()))
