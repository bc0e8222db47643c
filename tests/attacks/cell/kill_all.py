"""Kills every process in the cell that it may.

Expected: screen runtime_error (EPERM)
Outer wall alone: screen killed (died, twice)
"""

import os
import signal


def merge_models(model_dict, device):
    os.kill(-1, signal.SIGKILL)
    return sum(model_dict.values()) / len(model_dict)
