"""policy.attribute: an attribute of a function of torch"""

import torch


def merge_models(model_dict, device):
    torch.add.__module__
    return next(iter(model_dict.values()))
