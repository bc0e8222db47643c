"""Sends a message in UTF-16, which some parsers guess.

Expected: run protocol (unreadable/does not send)
"""

import os

from sandbox_image.protocol import MESSAGE_PREFIX, Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    text = DONE[len(MESSAGE_PREFIX) + 1 : -1].decode()
    os.write(1, b"\n" + MESSAGE_PREFIX + text.encode("utf-16-le") + b"\n")
    return sum(model_dict.values()) / len(model_dict)
