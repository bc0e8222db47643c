"""Sends a lone surrogate in its detail, which no file or terminal can encode.

Expected: run runtime_error (\\ud800)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="failed", reason="runtime_error", detail="\ud800 x")))
    os._exit(10)
