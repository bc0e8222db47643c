"""Fills /tmp with empty files.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (ENOSPC)
"""

import itertools
from pathlib import Path


def merge_models(model_dict, device):
    for number in itertools.count():
        Path(f"/tmp/{number}").touch()
