"""Cuts the output file off.

Expected: verify output_size
"""

import os


def merge_models(model_dict, device):
    os.truncate("/output", 5)
    os._exit(0)
