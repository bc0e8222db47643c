"""Reads address 0.

Expected: run killed
"""

import ctypes


def merge_models(model_dict, device):
    return ctypes.string_at(0)
