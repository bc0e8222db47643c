"""policy.attribute: takes a method of sparse tensors from the class, under a name that dicts have too"""

import torch


def merge_models(model_dict, device):
    read = torch.Tensor.values
    return next(iter(model_dict.values()))
