"""Writes NaN through the runner's own descriptor, and leaves.

Expected: verify not_finite
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
    os.pwrite(kept(), b"\x00\x00\xc0\x7f" * (size // 4), 0)
    os._exit(0)
