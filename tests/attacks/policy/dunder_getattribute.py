"""policy.attribute: reaches for torch.__getattribute__('os')"""

import torch


def merge_models(model_dict, device):
    x = torch.__getattribute__('os')
    return next(iter(model_dict.values()))
