"""Says `done` in the runner's name before the runner does, and goes on like an honest program.

Expected: run protocol (does not send)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="done")))
    return sum(model_dict.values()) / len(model_dict)
