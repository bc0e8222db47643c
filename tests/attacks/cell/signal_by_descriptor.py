"""Has the kernel kill the parent when its pipe has room again, which no filter of kill() sees.

Expected: screen runtime_error (EPERM)
"""

import fcntl
import os
import signal
import stat
import time


def pipe():
    """Return the one pipe that leads out."""
    return next(fd for fd in range(3, 64) if is_pipe(fd))


def is_pipe(descriptor):
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def merge_models(model_dict, device):
    fcntl.fcntl(pipe(), fcntl.F_SETOWN, os.getppid())
    fcntl.fcntl(pipe(), 10, signal.SIGKILL)  # F_SETSIG
    fcntl.fcntl(pipe(), fcntl.F_SETFL, os.O_ASYNC)
    os.write(pipe(), b"x")
    time.sleep(600)
