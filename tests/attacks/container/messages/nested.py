"""Sends a message nested deeper than a parser's stack.

Expected: run protocol (unreadable)
"""

import os

from sandbox_image.protocol import MESSAGE_PREFIX


def merge_models(model_dict, device):
    os.write(1, b"\n" + MESSAGE_PREFIX + b"[" * 20_000 + b"]" * 10_000 + b"\n")
    return sum(model_dict.values()) / len(model_dict)
