"""Cuts the output off and stretches it again: a hole that costs nothing and reads as zeros.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verify protocol (before every tensor)
"""

import contextlib
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
    size = os.fstat(kept()).st_size
    os.ftruncate(kept(), 0)
    os.ftruncate(kept(), size)
    os._exit(0)
