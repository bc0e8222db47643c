"""Looks for processes that are not its own.

Expected: run runtime_error (EPERM/EACCES/only init and itself)
"""

import os


def merge_models(model_dict, device):
    found = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {1, os.getpid()}
    if found:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("only init and itself")
