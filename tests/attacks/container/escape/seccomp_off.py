"""Turns its system call filter off, and asks to hear of others' calls.

Expected: run runtime_error (EPERM/EINVAL/EBUSY)
Outer wall alone: run runtime_error (EPERM)
"""

import ctypes
import os
import struct

LIBC = ctypes.CDLL(None, use_errno=True)


def check(answer):
    """Raise what the kernel answered."""
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def merge_models(model_dict, device):
    if LIBC.prctl(22, 0, 0) == 0:  # PR_SET_SECCOMP, SECCOMP_MODE_DISABLED
        return sum(model_dict.values()) / len(model_dict)
    program = struct.pack("HHI", 0x06, 0, 0) + struct.pack("I", 0x7FFF0000)  # return SECCOMP_RET_ALLOW
    code = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000))
    filters = struct.pack("HxxxxxxQ", 1, ctypes.addressof(code))
    check(LIBC.syscall(ctypes.c_long(317), ctypes.c_long(1), ctypes.c_long(8), filters))  # seccomp, NEW_LISTENER
    return sum(model_dict.values()) / len(model_dict)
