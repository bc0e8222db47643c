"""Watches what others do with the mounted files.

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
    watch = check(LIBC.inotify_init1(0))
    check(LIBC.inotify_add_watch(watch, b"/inputs/seed/0.safetensors", 0xFFF))
    return sum(model_dict.values()) / len(model_dict)
