"""Locks the seed model, so that others have to wait for it.

Expected: run runtime_error (EPERM)
"""

import fcntl
import os


def merge_models(model_dict, device):
    fcntl.lockf(os.open("/inputs/seed/0.safetensors", os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)
    return sum(model_dict.values()) / len(model_dict)
