"""Imitates the frames in which the engine carries the streams, to speak on the host's side of it.

Expected: verify output_missing
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    message = encode_message(Message(kind="done"))
    os.write(1, b"\x01\x00\x00\x00" + len(message).to_bytes(4, "big") + message)
    os.write(1, b"\x02\x00\x00\x00\xff\xff\xff\xff")
    os._exit(0)
