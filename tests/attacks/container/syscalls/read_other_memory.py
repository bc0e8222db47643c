"""Reads and writes the memory of the container's first process, by address.

Expected: run runtime_error (EPERM)
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
    here = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(here), 8)
    if LIBC.process_vm_readv(1, local, 1, struct.pack("QQ", 0x400000, 8), 1, 0) != -1:
        return sum(model_dict.values()) / len(model_dict)
    check(LIBC.process_vm_writev(1, local, 1, struct.pack("QQ", 0x400000, 8), 1, 0))
    return sum(model_dict.values()) / len(model_dict)
