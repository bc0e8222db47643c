"""Stops the process that forked it, so that no verdict ever comes.

Expected: screen runtime_error (EPERM)
Outer wall alone: screen timeout (hung)
"""

import os
import signal
import time


def merge_models(model_dict, device):
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)
    return sum(model_dict.values()) / len(model_dict)
