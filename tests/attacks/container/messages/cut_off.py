"""Leaves in the middle of a message.

Expected: verify output_missing
"""

import os

from sandbox_image.protocol import Message, encode_message

DONE = encode_message(Message(kind="done"))


def merge_models(model_dict, device):
    os.write(1, DONE[:40])
    os._exit(0)
