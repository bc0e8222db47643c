"""Gives the output file a second name.

Expected: run runtime_error (EPERM)
"""

import os


def merge_models(model_dict, device):
    os.link("/output", "/tmp/second")
    return sum(model_dict.values()) / len(model_dict)
