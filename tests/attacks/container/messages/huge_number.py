"""Sends a number of thousands of digits, which takes quadratic time to read.

Expected: run protocol (unreadable)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.replace(b'"id": ""', b'"id": ' + b"9" * 30_000))
    return sum(model_dict.values()) / len(model_dict)
