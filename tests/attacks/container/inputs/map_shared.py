"""Maps the seed model to be written, from a descriptor for reading.

Expected: run runtime_error (EACCES)
"""

import mmap
import os


def merge_models(model_dict, device):
    descriptor = os.open("/inputs/seed/0.safetensors", os.O_RDONLY)
    mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0:1] = b"x"
    return sum(model_dict.values()) / len(model_dict)
