"""Pins its memory, so that the host cannot swap it out.

Expected: run runtime_error (EPERM/ENOMEM)
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
    check(LIBC.mlockall(3))
    return sum(model_dict.values()) / len(model_dict)
