"""Kills and stops the container's first process.

Expected: run runtime_error (EPERM/init lives)
Outer wall alone: run runtime_error (init lives)
"""

import os
import signal
from pathlib import Path


def merge_models(model_dict, device):
    os.kill(1, signal.SIGSTOP)
    os.kill(1, signal.SIGKILL)
    state = Path("/proc/1/stat").read_text().rpartition(")")[2].split()[0]
    if state in "SR":
        raise PermissionError("init lives on")
    return sum(model_dict.values()) / len(model_dict)
