"""Changes the output file's attributes on the host.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EPERM)
"""

import fcntl
import struct

FS_IOC_SETFLAGS = 0x40086602
NODUMP = 0x40


def merge_models(model_dict, device):
    with open("/output", "r+b") as file:
        fcntl.ioctl(file.fileno(), FS_IOC_SETFLAGS, struct.pack("q", NODUMP))
    return sum(model_dict.values()) / len(model_dict)
