"""Writes a file larger than any may be.

Expected: run runtime_error (EPERM/EACCES/EFBIG)
Outer wall alone: run runtime_error (EFBIG)
"""

import os


def merge_models(model_dict, device):
    size = os.stat("/output").st_size
    descriptor = os.open("/tmp/large", os.O_WRONLY | os.O_CREAT)
    os.pwrite(descriptor, b"x", size + 1)
    os.pwrite(descriptor, b"x", size + 2**16)
    return sum(model_dict.values()) / len(model_dict)
