"""Makes timers, each an object of the kernel's.

Expected: run runtime_error (EPERM)
Outer wall alone: run runtime_error (EAGAIN)
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
        check(LIBC.timer_create(1, None, ctypes.byref(ctypes.c_void_p())))
    return sum(model_dict.values()) / len(model_dict)
