"""policy.context: a device, entered under another name"""

import torch


def merge_models(model_dict, device):
    place = torch.device('meta')
    with place:
        torch.zeros(1)
    return next(iter(model_dict.values()))
