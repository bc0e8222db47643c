"""policy.literal: bytes"""

import torch


def merge_models(model_dict, device):
    x = b'\x7fELF'
    return next(iter(model_dict.values()))
