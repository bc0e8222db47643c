"""policy.attribute: resizes without filling"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).resize_as_sparse_(torch.ones(2))
    return next(iter(model_dict.values()))
