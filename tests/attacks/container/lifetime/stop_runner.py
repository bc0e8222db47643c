"""Has a child stop the runner, so that it never ends.

Expected: run runtime_error (EPERM)
Outer wall alone: run timeout
"""

import os
import signal
import time


def merge_models(model_dict, device):
    runner = os.getpid()
    if os.fork() == 0:
        os.kill(runner, signal.SIGSTOP)
    time.sleep(600)
