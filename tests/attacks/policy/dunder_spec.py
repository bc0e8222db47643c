"""policy.attribute: reaches for torch.__spec__.loader"""

import torch


def merge_models(model_dict, device):
    x = torch.__spec__.loader
    return next(iter(model_dict.values()))
