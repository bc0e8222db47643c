"""Opens the runner's own descriptor of the seed model again, to be written.

Expected: run runtime_error (EACCES/EPERM/EROFS)
"""

import contextlib
import os
import stat


def merge_models(model_dict, device):
    seed = os.stat("/inputs/seed/0.safetensors").st_ino
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_ino == seed:
                break
    os.write(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY), b"x")
    return sum(model_dict.values()) / len(model_dict)
