"""policy.member: old memory"""

import torch


def merge_models(model_dict, device):
    torch.empty_permuted((2, 3), (0, 1))
    return next(iter(model_dict.values()))
