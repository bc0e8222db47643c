"""policy.attribute: reaches for torch._C"""

import torch


def merge_models(model_dict, device):
    x = torch._C
    return next(iter(model_dict.values()))
