"""Makes shared memory of the old kind, which outlives its maker.

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
    check(LIBC.shmget(0x41737361, ctypes.c_size_t(4096), 0o1666))
    return sum(model_dict.values()) / len(model_dict)
