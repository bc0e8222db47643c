"""policy.attribute: reaches for (lambda: 1).__closure__"""

import torch


def merge_models(model_dict, device):
    x = (lambda: 1).__closure__
    return next(iter(model_dict.values()))
