"""Asks for the handle of a mounted file, the first step of opening others by theirs.

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
    handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136), ctypes.c_int()
    check(LIBC.name_to_handle_at(-100, b"/output", handle, ctypes.byref(mount), 0))
    return sum(model_dict.values()) / len(model_dict)
