"""Runs a program by descriptor, which no path rule sees (x86-64 system call number).

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EPERM)
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
    descriptor = os.open(os.path.realpath("/proc/self/exe"), os.O_RDONLY)
    arguments = (ctypes.c_char_p * 2)(b"python3", None)
    check(LIBC.syscall(ctypes.c_long(322), ctypes.c_long(descriptor), b"", arguments, arguments, ctypes.c_long(0x1000)))  # execveat
    return sum(model_dict.values()) / len(model_dict)
