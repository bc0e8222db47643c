"""Sends more messages than any container has a use for, each well-formed.

Expected: run protocol (more output)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    for _ in range(100):
        os.write(1, encode_message(Message(kind="done")))
    return sum(model_dict.values()) / len(model_dict)
