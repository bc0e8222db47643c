"""Asks to be root.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.setuid(0)
    return sum(model_dict.values()) / len(model_dict)
