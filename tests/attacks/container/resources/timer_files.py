"""Makes timers that are files.

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
    for _ in range(100_000):
        check(LIBC.timerfd_create(1, 0))
    return sum(model_dict.values()) / len(model_dict)
