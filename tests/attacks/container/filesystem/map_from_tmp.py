"""Writes machine code to /tmp and maps it to be run.

Expected: run runtime_error (EPERM/EACCES)
"""

import mmap
import os


def merge_models(model_dict, device):
    descriptor = os.open("/tmp/code", os.O_RDWR | os.O_CREAT, 0o700)
    os.write(descriptor, b"\xc3" * 4096)
    mmap.mmap(descriptor, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
    return sum(model_dict.values()) / len(model_dict)
