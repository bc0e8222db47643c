"""Mounts by the newer calls, which older filters do not name (x86-64 system call numbers).

Expected: run runtime_error (EPERM/ENOSYS)
"""

import ctypes
import errno
import os

REFUSED = (errno.EPERM, errno.ENOSYS)
LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    for number in (428, 429, 430, 432, 433, 442):  # open_tree, move_mount, fsopen, fsmount, fspick, mount_setattr
        if LIBC.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 5) != -1 or ctypes.get_errno() not in REFUSED:
            return sum(model_dict.values()) / len(model_dict)
    check(-1)
    return sum(model_dict.values()) / len(model_dict)
