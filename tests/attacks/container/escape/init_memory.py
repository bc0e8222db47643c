"""Reads the first process's memory.

Expected: run runtime_error
"""

from pathlib import Path


def merge_models(model_dict, device):
    Path("/proc/1/mem").open("rb").read(1)
    return sum(model_dict.values()) / len(model_dict)
