"""Gives the output's blocks back to the host's file system, so that writing them may fail.

Expected: run runtime_error (EPERM)
"""

import contextlib
import ctypes
import fcntl
import os
import stat


def kept():
    """Return the runner's own descriptor of the output file: regular, and open for writing only."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            writing = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
            if writing and stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
    raise FileNotFoundError("no descriptor of the output")


def merge_models(model_dict, device):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fallocate(kept(), 3, ctypes.c_long(0), ctypes.c_long(4096)) == -1:  # KEEP_SIZE, PUNCH_HOLE
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return sum(model_dict.values()) / len(model_dict)
