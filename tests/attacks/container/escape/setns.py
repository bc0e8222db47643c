"""Enters the mount namespace of the container's first process.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EPERM)
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    descriptor = os.open("/proc/1/ns/mnt", os.O_RDONLY)
    check(LIBC.setns(descriptor, 0))
    return sum(model_dict.values()) / len(model_dict)
