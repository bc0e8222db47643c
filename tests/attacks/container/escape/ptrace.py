"""Traces a process (x86-64 system call number).

Expected: run runtime_error (EPERM)
"""

import ctypes
import errno


def call(number, *arguments):
    """Make a system call; raise what the kernel answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments)) == -1:
        raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])


def merge_models(model_dict, device):
    call(101, 0, 0, 0, 0)  # ptrace(PTRACE_TRACEME)
    return sum(model_dict.values()) / len(model_dict)
