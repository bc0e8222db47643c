"""policy.member: the processor's mode"""

import torch


def merge_models(model_dict, device):
    torch.set_flush_denormal(True)
    return next(iter(model_dict.values()))
