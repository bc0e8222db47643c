"""Speaks like a cell that has screened a program.

Expected: run protocol (screened)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="screened", fingerprint="0" * 64)))
    return sum(model_dict.values()) / len(model_dict)
