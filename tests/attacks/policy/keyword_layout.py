"""policy.keyword: another layout"""

import torch


def merge_models(model_dict, device):
    torch.zeros(2, layout=None or torch.float32)
    return next(iter(model_dict.values()))
