"""Writes to stdout without end.

Expected: run protocol
"""

import os


def merge_models(model_dict, device):
    while True:
        os.write(1, b"flood " * 10_000)
