"""Starts a process in new namespaces by clone3, whose flags a filter cannot see (x86-64 system call number).

Expected: run runtime_error (ENOSYS/EPERM)
Outer wall alone: run runtime_error (ENOSYS)
"""

import ctypes
import os
import signal

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    arguments = (ctypes.c_uint64 * 11)(CLONE_NEWUSER | CLONE_NEWNET, 0, 0, 0, signal.SIGCHLD)
    if check(LIBC.syscall(ctypes.c_long(435), arguments, ctypes.c_long(88))) == 0:
        os._exit(0)
    return sum(model_dict.values()) / len(model_dict)
