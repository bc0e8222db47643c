"""Forks; both processes return into the runner.

Expected: run runtime_error (EPERM)
Outer wall alone: run protocol (left)
"""

import os


def merge_models(model_dict, device):
    if os.fork() == 0:
        import time

        time.sleep(1)
    return sum(model_dict.values()) / len(model_dict)
