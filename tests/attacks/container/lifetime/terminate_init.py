"""Asks the container's first process to end.

Expected: run killed
"""

import os
import signal
import time


def merge_models(model_dict, device):
    os.kill(1, signal.SIGTERM)
    time.sleep(600)
