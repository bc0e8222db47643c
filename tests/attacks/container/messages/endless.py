"""Begins a message and never ends the line.

Expected: run protocol
"""

import os

PREFIX = b"\n\x1eassay "


def merge_models(model_dict, device):
    os.write(1, PREFIX)
    for _ in range(100):
        os.write(1, b"{" * 4096)
    return sum(model_dict.values()) / len(model_dict)
