"""Sends a message that is not UTF-8.

Expected: run protocol (unreadable)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.replace(b'"detail": "', b'"detail": "\xff\xfe\xc0\x80'))
    return sum(model_dict.values()) / len(model_dict)
