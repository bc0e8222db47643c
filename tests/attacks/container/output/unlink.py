"""Removes the output file, to put another in its place.

Expected: run runtime_error
"""

import os


def merge_models(model_dict, device):
    os.unlink("/output")
    return sum(model_dict.values()) / len(model_dict)
