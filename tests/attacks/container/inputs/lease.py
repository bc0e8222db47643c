"""Takes a lease on the seed model, so that the host's writers have to wait.

Expected: run runtime_error (EPERM)
"""

import fcntl
import os


def merge_models(model_dict, device):
    fcntl.fcntl(os.open("/inputs/seed/0.safetensors", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
    return sum(model_dict.values()) / len(model_dict)
