"""Says that it is done, in the runner's name, and ends with status 0; it has merged nothing.

Tried: the runner's own message, well-formed, and the runner's own way out.
Must be seen: the host takes the message as read, finds the output unwritten, and rejects it for that.
"""

import os

from sandbox_image.protocol import Message, encode_message


def merge_models(model_dict, device):
    os.write(1, encode_message(Message(kind="done")))
    os._exit(0)
