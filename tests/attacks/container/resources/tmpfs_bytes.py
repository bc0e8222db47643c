"""Fills /tmp with files as large as they may be.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (ENOSPC)
"""

import itertools
from pathlib import Path


def merge_models(model_dict, device):
    for number in itertools.count():
        Path(f"/tmp/{number}").write_bytes(b"x" * 4096)
