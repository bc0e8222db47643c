"""Raises its priority.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    return sum(model_dict.values()) / len(model_dict)
