"""policy.builtin: calls bytearray"""

import torch


def merge_models(model_dict, device):
    x = bytearray(10)
    return next(iter(model_dict.values()))
