"""policy.literal: bytes by concatenation"""

import torch


def merge_models(model_dict, device):
    x = b'a' + b'b'
    return next(iter(model_dict.values()))
