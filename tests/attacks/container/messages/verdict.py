"""Claims a reason that only the host may give.

Expected: run protocol (not its to claim)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="failed", reason="duplicate", detail="of nothing")))
    os._exit(10)
