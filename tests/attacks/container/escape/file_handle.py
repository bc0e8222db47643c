"""Opens the host's root by its inode number (the `shocker` exploit).

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
    handle = struct.pack("Iiq", 8, 1, 2)  # bytes, type, inode 2: an ext4 root
    check(LIBC.open_by_handle_at(os.open("/inputs/seed/0.safetensors", os.O_RDONLY), handle, os.O_RDONLY))
    return sum(model_dict.values()) / len(model_dict)
