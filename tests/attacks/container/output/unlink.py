"""Removes the output file, to put another in its place.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EROFS/EBUSY)
"""

import os


def merge_models(model_dict, device):
    os.unlink("/output")
    return sum(model_dict.values()) / len(model_dict)
