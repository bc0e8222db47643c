"""policy.member: a tensor over foreign memory"""

import torch


def merge_models(model_dict, device):
    torch.from_dlpack(model_dict)
    return next(iter(model_dict.values()))
