"""Reads and sets quotas of the file system that the output lies on.

Expected: run runtime_error (EPERM)
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
    check(LIBC.quotactl(0x80000102, b"/dev/vda", 0, None))
    return sum(model_dict.values()) / len(model_dict)
