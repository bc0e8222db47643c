"""Opens pseudo-terminals, of which the whole machine has a fixed number.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (ENOENT)
"""

import os


def merge_models(model_dict, device):
    for _ in range(100):
        os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    return sum(model_dict.values()) / len(model_dict)
