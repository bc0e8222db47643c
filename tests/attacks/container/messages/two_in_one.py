"""Sends two messages on one line.

Expected: run protocol (Extra data)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.rstrip(b"\n") + DONE[DONE.index(b"{") :])
    return sum(model_dict.values()) / len(model_dict)
