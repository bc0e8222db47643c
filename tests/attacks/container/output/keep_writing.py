"""Keeps writing to the output from a child, while the parent returns like an honest program.

Expected: run runtime_error (EPERM)
Outer wall alone: run protocol (left)
"""

import os
from pathlib import Path


def merge_models(model_dict, device):
    if os.fork() == 0:
        while True:
            with Path("/output").open("r+b") as file:
                file.write(os.urandom(64))
    return sum(model_dict.values()) / len(model_dict)
