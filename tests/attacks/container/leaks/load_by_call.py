"""Reads the host's memory, load and time since start by the call for it.

Expected: run runtime_error (EPERM)
Outer wall alone: verified (memory and load are the host's)
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
    check(LIBC.sysinfo(ctypes.create_string_buffer(256)))
    return sum(model_dict.values()) / len(model_dict)
