"""policy.attribute: reaches for torch.__dict__"""

import torch


def merge_models(model_dict, device):
    x = torch.__dict__
    return next(iter(model_dict.values()))
