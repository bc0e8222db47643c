"""policy.member: reads the process's seed"""

import torch


def merge_models(model_dict, device):
    torch.initial_seed()
    return next(iter(model_dict.values()))
