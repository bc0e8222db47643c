"""Sends NaN, which is JSON to some.

Expected: run protocol (NaN)
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE.replace(b'"id": ""', b'"id": NaN'))
    return sum(model_dict.values()) / len(model_dict)
