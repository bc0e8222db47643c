"""Stops its own process.

Expected: run timeout
"""

import os
import signal


def merge_models(model_dict, device):
    os.kill(os.getpid(), signal.SIGSTOP)
    return None
