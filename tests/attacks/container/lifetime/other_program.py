"""Replaces itself with another program, which ends with status 0.

Expected: run runtime_error (EPERM)
Outer wall alone: verify output_missing
"""

import os
import sys


def merge_models(model_dict, device):
    os.execv(sys.executable, [sys.executable, "-c", "print(1)"])
