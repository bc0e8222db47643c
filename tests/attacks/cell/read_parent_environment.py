"""Reads what the process that forked it was started with.

Expected: screen runtime_error (EACCES/EPERM)
"""

import os


def merge_models(model_dict, device):
    with open(f"/proc/{os.getppid()}/environ", "rb") as file:
        file.read()
    return sum(model_dict.values()) / len(model_dict)
