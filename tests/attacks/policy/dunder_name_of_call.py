"""policy.attribute: the name of anything"""

import torch


def merge_models(model_dict, device):
    x = iter(model_dict).__name__
    return next(iter(model_dict.values()))
