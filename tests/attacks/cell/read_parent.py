"""Reads the memory of the process that forked it, where all programs of the cell began.

Expected: screen runtime_error (EACCES/EPERM)
"""

import os


def merge_models(model_dict, device):
    process = os.getppid()
    with open(f"/proc/{process}/maps") as file:
        start = int(file.readline().partition("-")[0], 16)
    with open(f"/proc/{process}/mem", "rb", buffering=0) as file:
        file.seek(start)
        file.read(4)
    return sum(model_dict.values()) / len(model_dict)
