"""policy.member: a tensor over foreign memory"""

import torch


def merge_models(model_dict, device):
    torch.frombuffer([1], dtype=torch.float32)
    return next(iter(model_dict.values()))
