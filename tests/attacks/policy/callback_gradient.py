"""policy.attribute: hooks on gradients"""

import torch


def merge_models(model_dict, device):
    torch.ones(1).retain_grad()
    return next(iter(model_dict.values()))
