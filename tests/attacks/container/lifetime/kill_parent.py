"""Kills the process that started it, and when that has no effect its own group.

Expected: run runtime_error (EPERM)
Outer wall alone: run killed (SIGKILL)
"""

import os
import signal


def merge_models(model_dict, device):
    os.kill(os.getppid(), signal.SIGKILL)
    os.killpg(0, signal.SIGKILL)
