"""Has a child that shares its memory and never lets it go on.

Expected: run runtime_error (EPERM)
Outer wall alone: run timeout
"""

import ctypes
import os


def merge_models(model_dict, device):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(56), ctypes.c_long(0x4000 | 17), *[ctypes.c_long(0)] * 4) == 0:  # clone(CLONE_VFORK)
        libc.pause()
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
