"""Writes nothing and ends the process with status 0.

Expected: verify output_missing
"""

import os


def merge_models(model_dict, device):
    os._exit(0)
