"""Leaves a grandchild behind, whose parent is gone, and returns like an honest program.

Expected: run runtime_error (EPERM)
Outer wall alone: run protocol (left)
"""

import os
import time


def merge_models(model_dict, device):
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.waitpid(child, 0)
    return sum(model_dict.values()) / len(model_dict)
