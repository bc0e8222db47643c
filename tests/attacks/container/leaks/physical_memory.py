"""Reads the machine's memory.

Expected: run runtime_error (EPERM/EACCES/ENOENT/empty)
"""

from pathlib import Path


def merge_models(model_dict, device):
    with Path("/proc/kcore").open("rb") as file:
        if not file.read(64):
            raise PermissionError("empty")
    return sum(model_dict.values()) / len(model_dict)
