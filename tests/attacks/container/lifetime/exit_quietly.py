"""Raises SystemExit, which many a runner lets pass.

Expected: run runtime_error (SystemExit)
"""

import sys


def merge_models(model_dict, device):
    sys.exit(0)
