"""Kills every process that it may.

Expected: run runtime_error (EPERM/ESRCH)
Outer wall alone: run runtime_error (ESRCH)
"""

import os
import signal


def merge_models(model_dict, device):
    os.kill(-1, signal.SIGKILL)
    return sum(model_dict.values()) / len(model_dict)
