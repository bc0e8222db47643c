"""policy.member: nested tensors"""

import torch


def merge_models(model_dict, device):
    torch.nested.nested_tensor([torch.ones(1)])
    return next(iter(model_dict.values()))
