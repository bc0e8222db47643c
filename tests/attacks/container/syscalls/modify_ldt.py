"""Changes its segments, for the 16-bit corners of the kernel (x86-64 system call number).

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
    check(LIBC.syscall(ctypes.c_long(154), ctypes.c_long(0), ctypes.create_string_buffer(64), ctypes.c_long(64)))  # modify_ldt
    return sum(model_dict.values()) / len(model_dict)
