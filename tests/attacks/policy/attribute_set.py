"""policy.attribute-write: replaces a function of torch"""

import torch


def merge_models(model_dict, device):
    torch.add = None
    return next(iter(model_dict.values()))
