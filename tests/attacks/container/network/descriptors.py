"""Looks for a socket among the descriptors that it was born with.

Expected: run runtime_error (no socket among)
"""

import contextlib
import os
import stat


def merge_models(model_dict, device):
    kinds = []
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            kinds.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
    if stat.S_IFSOCK in kinds:
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"no socket among {len(kinds)} descriptors")
