"""Reads the kernel's log, and its size.

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
    check(LIBC.klogctl(3, ctypes.create_string_buffer(4096), 4096))  # SYSLOG_ACTION_READ_ALL
    return sum(model_dict.values()) / len(model_dict)
