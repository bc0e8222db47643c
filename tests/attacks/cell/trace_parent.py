"""Attaches to the process that forked it.

Expected: screen runtime_error (EPERM)
"""

import ctypes
import os


def merge_models(model_dict, device):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(0x4206, os.getppid(), None, None) == -1:  # PTRACE_SEIZE
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return sum(model_dict.values()) / len(model_dict)
