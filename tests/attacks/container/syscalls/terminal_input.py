"""Types into the terminal of whoever started it (TIOCSTI), and pastes (TIOCLINUX).

Expected: run runtime_error (EPERM)
"""

import ctypes
import errno
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    for descriptor in (0, 1, 2):
        for command in (0x5412, 0x541C):
            if LIBC.ioctl(descriptor, command, b"x") != -1 or ctypes.get_errno() != errno.EPERM:
                return sum(model_dict.values()) / len(model_dict)
    check(-1)
    return sum(model_dict.values()) / len(model_dict)
