"""Asks the container's first process to end.

Expected: run runtime_error (EPERM)
Outer wall alone: run killed (SIGTERM)
Bubblewrap alone: run timeout
"""

import os
import signal
import time


def merge_models(model_dict, device):
    os.kill(1, signal.SIGTERM)
    time.sleep(600)
