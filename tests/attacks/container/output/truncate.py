"""Cuts the output file off.

Expected: run runtime_error (EPERM)
Outer wall alone: verify output_size
"""

import os


def merge_models(model_dict, device):
    os.truncate("/output", 5)
    os._exit(0)
