"""Makes /tmp the root of its file systems.

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
    check(LIBC.syscall(ctypes.c_long(155), b"/tmp", b"/tmp"))  # pivot_root, x86-64
    return sum(model_dict.values()) / len(model_dict)
