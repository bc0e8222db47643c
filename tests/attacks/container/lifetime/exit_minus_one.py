"""Leaves with status 255, which is no signal.

Expected: run runtime_error (status 255)
"""

import os


def merge_models(model_dict, device):
    os._exit(-1)
