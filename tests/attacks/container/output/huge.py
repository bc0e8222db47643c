"""Writes weights of absurd size past the runner's checks.

Expected: run runtime_error (EPERM)
Outer wall alone: verify output_norm
"""

import os
from pathlib import Path


def merge_models(model_dict, device):
    size = os.stat("/output").st_size
    with Path("/output").open("r+b") as file:
        file.write(b"\x00\x00\x80\x4f" * (size // 4))
    os._exit(0)
