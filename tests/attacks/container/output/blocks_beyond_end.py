"""Has the file system set blocks aside behind the output's end, where no limit on file sizes reaches.

Expected: run runtime_error (EPERM/EACCES)
Outer wall alone: run runtime_error (EPERM)
"""

import fcntl
import struct

FS_IOC_RESVSP = 0x40305828
GIBIBYTE = 2**30


def merge_models(model_dict, device):
    space = struct.pack("hhqqiI4i", 0, 0, 0, GIBIBYTE, 0, 0, 0, 0, 0, 0)
    with open("/output", "r+b") as file:
        fcntl.ioctl(file.fileno(), FS_IOC_RESVSP, space)
    return sum(model_dict.values()) / len(model_dict)
