"""Has the machine ignore or obey Ctrl-Alt-Del, by the call that reboots it.

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
    check(LIBC.reboot(0x89ABCDEF))  # the harmless command of reboot(2)
    return sum(model_dict.values()) / len(model_dict)
