"""Makes memory that not even the kernel can read (x86-64 system call number).

Expected: run runtime_error (EPERM/ENOSYS)
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
    check(LIBC.syscall(ctypes.c_long(447), ctypes.c_long(0)))  # memfd_secret
    return sum(model_dict.values()) / len(model_dict)
