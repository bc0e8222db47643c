"""Leaves a process behind in a session of its own, and returns like an honest program.

Expected: run runtime_error (EPERM)
Outer wall alone: run protocol (left)
"""

import os
import time


def merge_models(model_dict, device):
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    return sum(model_dict.values()) / len(model_dict)
