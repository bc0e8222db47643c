"""Queues signals to itself that nobody takes, of which all of a user's processes share a number.

Expected: run runtime_error (EPERM)
"""

import ctypes
import os
import signal

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    for _ in range(1_000_000):
        check(LIBC.sigqueue(os.getpid(), int(signal.SIGRTMIN), None))
    return sum(model_dict.values()) / len(model_dict)
