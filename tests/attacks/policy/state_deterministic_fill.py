"""policy.member: whether empty memory is filled"""

import torch


def merge_models(model_dict, device):
    torch.utils.deterministic.fill_uninitialized_memory
    return next(iter(model_dict.values()))
