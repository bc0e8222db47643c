"""Asks for the machine's input and output ports (x86-64).

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
    if LIBC.ioperm(0x80, 1, 1) == -1:
        check(LIBC.iopl(3))
    return sum(model_dict.values()) / len(model_dict)
