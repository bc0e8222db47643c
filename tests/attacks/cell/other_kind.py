"""Speaks like a runner that is done.

Expected: screen protocol (out of turn/sent)
"""

import os
import stat
import time

from sandbox_image.protocol import Message, encode_message


def pipe():
    """Return the one pipe that leads out."""
    return next(fd for fd in range(3, 64) if is_pipe(fd))


def is_pipe(descriptor):
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def merge_models(model_dict, device):
    os.write(pipe(), encode_message(Message(kind="done")))
    time.sleep(600)
