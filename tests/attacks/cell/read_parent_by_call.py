"""Copies the parent's memory by the call that debuggers use.

Expected: screen runtime_error (EPERM)
"""

import ctypes
import os
import struct


def merge_models(model_dict, device):
    libc = ctypes.CDLL(None, use_errno=True)
    page = ctypes.create_string_buffer(64)
    here = struct.pack("QQ", ctypes.addressof(page), 64)  # a fork has the same addresses
    if libc.process_vm_readv(os.getppid(), here, 1, here, 1, 0) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return sum(model_dict.values()) / len(model_dict)
