"""Takes back the promise to gain no privileges.

Expected: run runtime_error (EPERM/EINVAL)
Outer wall alone: run runtime_error (EINVAL)
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
    check(LIBC.prctl(38, 0, 0, 0, 0))  # PR_SET_NO_NEW_PRIVS
    return sum(model_dict.values()) / len(model_dict)
