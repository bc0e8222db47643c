"""Moves pages of a file into a pipe, the way in which page caches were overwritten (CVE-2022-0847).

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
    descriptor = os.open("/inputs/seed/0.safetensors", os.O_RDONLY)
    _, writer = os.pipe()
    check(LIBC.splice(descriptor, ctypes.byref(ctypes.c_int64(0)), writer, None, ctypes.c_size_t(1), 0))
    return sum(model_dict.values()) / len(model_dict)
