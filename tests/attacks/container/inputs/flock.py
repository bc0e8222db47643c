"""Locks the seed model in the other way, which needs no right to write.

Expected: run runtime_error (EPERM)
"""

import fcntl
import os


def merge_models(model_dict, device):
    fcntl.flock(os.open("/inputs/seed/0.safetensors", os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    return sum(model_dict.values()) / len(model_dict)
