"""Leaves dead children lying, each with a number of the kernel's, until it cannot.

Expected: run runtime_error (EPERM/EAGAIN)
Outer wall alone: run runtime_error (EAGAIN)
"""

import os


def merge_models(model_dict, device):
    while True:
        if os.fork() == 0:
            os._exit(0)
