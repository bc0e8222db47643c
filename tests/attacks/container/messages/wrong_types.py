"""Sends a list where text belongs.

Expected: run protocol (expected str, found list)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.replace(b'"detail": ""', b'"detail": ["x"]'))
    return sum(model_dict.values()) / len(model_dict)
