"""Claims a fault that it may claim and does not have: it can only turn itself away.

Expected: run out_of_memory (as claimed)
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="failed", reason="out_of_memory", detail="as claimed")))
    os._exit(10)
