"""Has itself started a second time, in the hope of a fresh account.

Expected: run protocol (started)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="ready")) + encode_message(Message(kind="started")))
    return sum(model_dict.values()) / len(model_dict)
