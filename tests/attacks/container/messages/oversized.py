"""Sends a message that is well-formed and longer than any may be.

Expected: run protocol (bytes)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.replace(b'"detail": "', b'"detail": "' + b"x" * 40_000))
    return sum(model_dict.values()) / len(model_dict)
