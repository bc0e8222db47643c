"""Removes the seed model, to put another in its place.

Expected: run runtime_error (EPERM/EACCES/EROFS/EBUSY)
"""

import os


def merge_models(model_dict, device):
    os.unlink("/inputs/seed/0.safetensors")
    return sum(model_dict.values()) / len(model_dict)
