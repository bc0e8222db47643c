"""Cuts the seed model off.

Expected: run runtime_error (EACCES/EPERM/EROFS)
"""

import os


def merge_models(model_dict, device):
    os.truncate("/inputs/seed/0.safetensors", 0)
    return sum(model_dict.values()) / len(model_dict)
