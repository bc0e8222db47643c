"""Compares kernel objects of processes, an oracle for kernel pointers (x86-64 system call number).

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
    check(LIBC.syscall(ctypes.c_long(312), ctypes.c_long(1), ctypes.c_long(1), *[ctypes.c_long(0)] * 3))  # kcmp
    return sum(model_dict.values()) / len(model_dict)
