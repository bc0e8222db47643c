"""Has the kernel send SIGTERM to the first process when a pipe has room again, which no filter of kill() sees.

Expected: run runtime_error (EPERM)
"""

import fcntl
import os
import signal
import time


def merge_models(model_dict, device):
    fcntl.fcntl(1, fcntl.F_SETOWN, 1)
    fcntl.fcntl(1, 10, signal.SIGTERM)  # F_SETSIG
    fcntl.fcntl(1, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    for _ in range(100):
        try:
            os.write(1, b"x" * 4096)
        except BlockingIOError:
            time.sleep(0.1)
    return sum(model_dict.values()) / len(model_dict)
