"""Drops the pages of the container's first process (x86-64 system call number).

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
    process = LIBC.syscall(ctypes.c_long(434), ctypes.c_long(1), ctypes.c_long(0))  # pidfd_open
    check(LIBC.syscall(ctypes.c_long(440), ctypes.c_long(process), *[ctypes.c_long(0)] * 4))  # process_madvise
    return sum(model_dict.values()) / len(model_dict)
