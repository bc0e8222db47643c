"""Looks for what an earlier program left in /tmp.

Expected: run runtime_error (EPERM/EACCES/empty)
"""

import os


def merge_models(model_dict, device):
    if os.listdir("/tmp"):
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError("empty")
