"""Gives pages of its memory to a pipe, to change them under whoever reads it.

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
    _, writer = os.pipe()
    page = ctypes.create_string_buffer(4096)
    check(LIBC.vmsplice(writer, struct.pack("QQ", ctypes.addressof(page), 4096), ctypes.c_size_t(1), 0))
    return sum(model_dict.values()) / len(model_dict)
