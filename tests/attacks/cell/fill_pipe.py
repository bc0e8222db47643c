"""Fills the pipe to its parent without end.

Expected: screen protocol
"""

import os
import stat


def pipe():
    """Return the one pipe that leads out."""
    return next(fd for fd in range(3, 64) if is_pipe(fd))


def is_pipe(descriptor):
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def merge_models(model_dict, device):
    while True:
        os.write(pipe(), b"x" * 4096)
