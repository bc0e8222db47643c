"""Recurses in C until the stack is gone.

Expected: run killed (SIGSEGV) or run runtime_error (RecursionError)
"""

import ctypes
import sys


def merge_models(model_dict, device):
    sys.setrecursionlimit(2**31 - 1)
    back = ctypes.CFUNCTYPE(None)
    function = back(lambda: function())
    function()
