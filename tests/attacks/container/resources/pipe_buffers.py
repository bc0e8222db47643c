"""Makes every pipe as large as it gets and fills it: memory of the kernel's.

Expected: run runtime_error (EPERM)
"""

import fcntl
import os


def merge_models(model_dict, device):
    for _ in range(100):
        _, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2**20)
        os.set_blocking(writer, False)
        os.write(writer, bytes(2**20))
    return sum(model_dict.values()) / len(model_dict)
