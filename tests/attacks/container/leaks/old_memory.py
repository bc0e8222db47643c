"""Looks for what others left in memory that torch hands out uncleared.

Expected: run runtime_error (all zeros)
"""

import torch


def merge_models(model_dict, device):
    torch.utils.deterministic.fill_uninitialized_memory = False
    for _ in range(3):
        if torch.empty(2**26, dtype=torch.uint8).max() != 0:
            return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("all zeros")
