"""policy.member: switches gradients on for good"""

import torch


def merge_models(model_dict, device):
    torch.set_grad_enabled(True)
    return next(iter(model_dict.values()))
