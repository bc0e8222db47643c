"""policy.attribute: reaches for torch.add.__self__"""

import torch


def merge_models(model_dict, device):
    x = torch.add.__self__
    return next(iter(model_dict.values()))
