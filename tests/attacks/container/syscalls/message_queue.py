"""Makes a message queue, whose bytes count for the whole host.

Expected: run runtime_error (EPERM)
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    check(LIBC.mq_open(b"/assay", os.O_CREAT | os.O_RDWR, 0o600, None))
    return sum(model_dict.values()) / len(model_dict)
