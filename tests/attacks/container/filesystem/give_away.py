"""Gives a file to root.

Expected: run runtime_error (EPERM/EACCES)
"""

import os


def merge_models(model_dict, device):
    os.chown("/output", 0, 0)
    return sum(model_dict.values()) / len(model_dict)
