"""Leaves two messages, one for itself and one for another program.

Expected: screen protocol
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
    forged = [Message(kind="screened", id=name, fingerprint="0" * 64) for name in ("this", "another")]
    os.write(pipe(), b"".join(encode_message(message) for message in forged))
    time.sleep(600)
