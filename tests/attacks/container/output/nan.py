"""Writes NaN past the runner's checks.

Expected: run runtime_error (EPERM)
Outer wall alone: verify not_finite
"""

import os
from pathlib import Path


def merge_models(model_dict, device):
    size = os.stat("/output").st_size
    with Path("/output").open("r+b") as file:
        file.write(b"\x00\x00\xc0\x7f" * (size // 4))
    os._exit(0)
