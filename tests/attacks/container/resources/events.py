"""Makes counters and watchers, objects of the kernel's, until it cannot.

Expected: run runtime_error (EPERM)
Outer wall alone: run runtime_error (EMFILE)
"""

import ctypes
import os
import select

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    watcher = select.epoll()
    while True:
        watcher.register(check(LIBC.eventfd(0, 0)), select.EPOLLIN)
    return sum(model_dict.values()) / len(model_dict)
