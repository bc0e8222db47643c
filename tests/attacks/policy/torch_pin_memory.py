"""policy.keyword: pinned memory starts a device context"""

import torch


def merge_models(model_dict, device):
    torch.ones(2, pin_memory=True)
    return next(iter(model_dict.values()))
