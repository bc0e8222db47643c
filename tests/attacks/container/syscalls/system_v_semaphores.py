"""Makes semaphores and message queues of the old kind, which outlive their maker.

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
    if LIBC.semget(0x41737361, 1, 0o1666) == -1:
        check(LIBC.msgget(0x41737361, 0o1666))
    return sum(model_dict.values()) / len(model_dict)
