"""policy.builtin: getattr handed to map"""

import torch


def merge_models(model_dict, device):
    x = list(map(getattr, [torch], ['os']))
    return next(iter(model_dict.values()))
