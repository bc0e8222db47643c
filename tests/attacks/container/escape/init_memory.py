"""Reads the memory of the container's first process, where it is mapped.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verified (init runs as the same user; its memory holds nothing)
"""

from pathlib import Path


def merge_models(model_dict, device):
    start = int(Path("/proc/1/maps").read_text().partition("-")[0], 16)
    with Path("/proc/1/mem").open("rb", buffering=0) as file:
        file.seek(start)
        print(file.read(4))
    return sum(model_dict.values()) / len(model_dict)
