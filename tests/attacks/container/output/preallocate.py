"""Has the file system set blocks aside behind the output's end, by fallocate.

Expected: run runtime_error (EPERM)
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
    descriptor = os.open("/output", os.O_WRONLY)
    check(LIBC.fallocate(descriptor, 1, ctypes.c_long(0), ctypes.c_long(2**30)))  # FALLOC_FL_KEEP_SIZE
    return sum(model_dict.values()) / len(model_dict)
