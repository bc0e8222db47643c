"""policy.attribute-write: augmented assignment to an attribute"""

import torch


def merge_models(model_dict, device):
    x = torch.ones(1)
    x.grad += 1
    return next(iter(model_dict.values()))
