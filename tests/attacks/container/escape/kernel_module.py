"""Loads a kernel module (x86-64 system call numbers).

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
    LIBC.syscall(ctypes.c_long(175), b"\x7fELF", ctypes.c_long(4), b"")  # init_module
    check(LIBC.syscall(ctypes.c_long(313), ctypes.c_long(0), b"", ctypes.c_long(0)))  # finit_module
    return sum(model_dict.values()) / len(model_dict)
