"""Forks until it cannot.

Expected: run runtime_error (EPERM)
Outer wall alone: run runtime_error (EAGAIN)
"""

import os


def merge_models(model_dict, device):
    while True:
        os.fork()
