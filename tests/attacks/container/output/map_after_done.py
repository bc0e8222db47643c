"""Maps the output, and writes NaN through the mapping when the runner is done; no descriptor shows it.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: verify not_finite
"""

import mmap
import os


def merge_models(model_dict, device):
    descriptor = os.open("/output", os.O_RDWR)
    view = mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    os.close(descriptor)
    read = os.read

    def patched(source, count):
        view[0:4] = b"\x00\x00\xc0\x7f"
        return read(source, count)

    os.read = patched
    return sum(model_dict.values()) / len(model_dict)
