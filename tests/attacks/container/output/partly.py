"""Writes the first bytes only.

Expected: run runtime_error (EPERM)
Outer wall alone: verify output_missing
"""

from pathlib import Path


def merge_models(model_dict, device):
    with Path("/output").open("r+b") as file:
        file.write(bytes(64))
    import os

    os._exit(0)
