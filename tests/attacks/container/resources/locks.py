"""Locks every other byte of a file: an object of the kernel's each, and no limit on them.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EPERM)
"""

import fcntl
import os


def merge_models(model_dict, device):
    descriptor = os.open("/output", os.O_RDWR)
    for number in range(1_000_000):
        fcntl.lockf(descriptor, fcntl.LOCK_EX, 1, number * 2)
    return sum(model_dict.values()) / len(model_dict)
