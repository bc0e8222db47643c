"""Kills the process that forked it, and with it the programs that wait.

Expected: screen runtime_error (EPERM)
Outer wall alone: screen killed (died, twice)
"""

import os
import signal


def merge_models(model_dict, device):
    os.kill(os.getppid(), signal.SIGKILL)
    return sum(model_dict.values()) / len(model_dict)
