"""Asks for far more memory than there is, at once.

Expected: run out_of_memory
"""

import torch


def merge_models(model_dict, device):
    return torch.ones(2**46)
