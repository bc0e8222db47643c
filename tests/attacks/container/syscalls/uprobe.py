"""Makes the calls of the kernel's probes, which it lets past every filter (x86-64 system call numbers).

They serve only the kernel's own trampolines: called from elsewhere, they end the process.

Expected: run killed (SIGILL) or run runtime_error (ENOSYS/EPERM/ENXIO)
"""

import ctypes
import os

LIBC = ctypes.CDLL(None, use_errno=True)


def merge_models(model_dict, device):
    if LIBC.syscall(ctypes.c_long(336)) == -1 and LIBC.syscall(ctypes.c_long(335)) == -1:  # uprobe, uretprobe
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return sum(model_dict.values()) / len(model_dict)
