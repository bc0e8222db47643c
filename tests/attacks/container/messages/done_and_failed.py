"""Says both that it is done and that it failed.

Expected: run protocol (without one readable)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="done")))
    os.write(1, encode_message(Message(kind="failed", reason="contract")))
    os._exit(10)
