"""Says `done` in the runner's name and leaves at once, with status 0 and no output.

Expected: verify output_missing
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="done")))
    os._exit(0)
