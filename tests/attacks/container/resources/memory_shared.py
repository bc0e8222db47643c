"""Takes memory that belongs to no process, only to a mapping.

Expected: run out_of_memory
"""

import mmap


def merge_models(model_dict, device):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 2**26))
        kept[-1].write(b"x" * 2**26)
