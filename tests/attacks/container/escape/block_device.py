"""Makes a device node for the host's disk.

Expected: run runtime_error (EPERM)
"""

import os
import stat


def merge_models(model_dict, device):
    os.mknod("/tmp/disk", stat.S_IFBLK | 0o600, os.makedev(254, 0))
    os.open("/tmp/disk", os.O_RDONLY)
    return sum(model_dict.values()) / len(model_dict)
