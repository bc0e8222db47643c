"""Hides a forbidden command behind bits that the kernel drops and a filter may compare.

Expected: run runtime_error (EPERM)
"""

import ctypes
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    descriptor = os.open("/inputs/seed/0.safetensors", os.O_RDONLY)
    locks = struct.pack("hhqqi", 0, 0, 0, 0, 0)
    check(LIBC.syscall(ctypes.c_long(72), ctypes.c_long(descriptor), ctypes.c_long(2**32 + 6), locks))  # fcntl(F_SETLK)
    return sum(model_dict.values()) / len(model_dict)
