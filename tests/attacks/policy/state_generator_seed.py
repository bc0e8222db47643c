"""policy.attribute: entropy from the system"""

import torch


def merge_models(model_dict, device):
    torch.Generator().seed()
    return next(iter(model_dict.values()))
