"""Fills /tmp with empty files.

Expected: run runtime_error
"""

import itertools
from pathlib import Path


def merge_models(model_dict, device):
    for number in itertools.count():
        Path(f"/tmp/{number}").touch()
