"""Takes memory in one large mapping, as C code does.

Expected: screen runtime_error (ENOMEM)
"""

import mmap


def merge_models(model_dict, device):
    mmap.mmap(-1, 2**32).write(bytes(2**30))
    return sum(model_dict.values()) / len(model_dict)
