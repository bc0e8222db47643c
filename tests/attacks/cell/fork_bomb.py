"""Forks for ever, so that the cell can fork no other program.

Expected: screen runtime_error (EPERM)
Outer wall alone: screen timeout
"""

import os


def merge_models(model_dict, device):
    while True:
        try:
            os.fork()
        except BlockingIOError:
            continue
