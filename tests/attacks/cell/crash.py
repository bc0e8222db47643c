"""Reads address 0.

Expected: screen killed (SIGSEGV)
"""

import ctypes


def merge_models(model_dict, device):
    ctypes.string_at(0)
