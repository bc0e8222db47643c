"""Reads address 0.

Expected: run killed (SIGSEGV)
"""

import ctypes


def merge_models(model_dict, device):
    return ctypes.string_at(0)
